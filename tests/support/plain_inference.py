"""The released code's test of one image, step by step: what ours is measured against."""

import cv2
import numpy as np
import torch
import torch.nn.functional as functional

from support import plain_decoder

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def people(model, file, skeleton, input_size):
    """Keypoints [J, 3 + T] in image pixels, and scores, of an image file, with flip test."""
    image = cv2.cvtColor(
        cv2.imread(str(file), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), cv2.COLOR_BGR2RGB
    )
    with torch.no_grad():
        heatmaps, tags = maps(model, network_input(resized(image, input_size)), skeleton)
        found, scores = plain_decoder.group(heatmaps[0], tags[0])
    back = cv2.invertAffineTransform(matrix(image, *size_and_box(image, input_size)))
    for person in found:
        for joint in person:
            joint[:2] = back @ [joint[0], joint[1], 1]
    return found, scores


def network_input(pixels):
    """[1, 3, H, W], normalised."""
    scaled = (pixels.astype(np.float32) / 255 - MEAN) / DEVIATION
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32))[None]


def maps(model, images, skeleton):
    """Heatmaps [1, J, H, W] and tags [1, J, H, W, 2], with flip test."""
    heatmaps, tags = [], []
    for mirrored in (False, True):
        coarse, fine = model(images.flip(3) if mirrored else images)
        coarse = upsampled(coarse, fine.shape[2:])
        joints = skeleton.num_joints
        for found, output in ((heatmaps, (coarse[:, :joints] + fine) / 2), (tags, coarse[:, joints:])):
            found.append(output.flip(3)[:, list(skeleton.flip)] if mirrored else output)
    size = images.shape[2:]
    heatmap = upsampled((heatmaps[0] + heatmaps[1]) / 2, size)
    return heatmap, torch.stack([upsampled(tag, size) for tag in tags], -1)


def upsampled(maps, size):
    return functional.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)


def resized(image, input_size, scale=1, smallest=1):
    """The network input [H, W, 3] at a scale, of which the smallest decides the multiples of 64."""
    size, box = size_and_box(image, input_size, scale, smallest)
    return cv2.warpAffine(image, matrix(image, size, box), size)


def size_and_box(image, input_size, scale=1, smallest=1):
    """Width and height of the network input, and the width of its part of the image in units of 200 px."""
    height, width = image.shape[:2]
    short = int((smallest * input_size + 63) // 64 * 64)
    long = int((short / min(width, height) * max(width, height) + 63) // 64 * 64)
    short, long = (int(side * scale / smallest) for side in (short, long))
    if width < height:
        return (short, long), width / 200
    return (long, short), long / short * height / 200


def matrix(image, size, box):
    """From image to network input, by three points in float32."""
    height, width = image.shape[:2]
    source, target = np.zeros((2, 3, 2), np.float32)
    source[0] = int(width / 2 + 0.5), int(height / 2 + 0.5)
    source[1] = source[0] + np.array([0, -0.5 * (box * 200)])
    target[0] = size[0] * 0.5, size[1] * 0.5
    target[1] = target[0] + np.array([0, -0.5 * size[0]])
    for corner in (source, target):
        corner[2] = corner[1] + np.array([corner[1, 1] - corner[0, 1], 0])
    return cv2.getAffineTransform(source, target)
