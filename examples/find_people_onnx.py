"""People in an image with a network that `litepose export` wrote as an ONNX file.

Needs onnxruntime, NumPy, SciPy and OpenCV, neither PyTorch nor this project:

    python find_people_onnx.py network.onnx photo.jpg people.jpg
"""

import json
import math
import sys

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

PEAK, TAG, MOST = 0.1, 1.0, 30  # least heatmap value, largest tag distance to one's person, peaks of a joint
# Joints of torso and head start people, if the first 17 are COCO's
ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)


def prepare(image, about):
    """BGR image -> network input [1, 3, H, W], and the 2x3 matrix from image to input pixels."""
    h, w = image.shape[:2]
    if about["size"]:  # the file is for one size: the image fits into it
        height, width = about["size"]
        scale = min(width / w, height / h)
    else:  # the short side becomes the input size, the long one is padded to a multiple
        multiple = max(math.gcd(64, about["input_size"]), 16)
        short = math.ceil(about["input_size"] / multiple) * multiple
        scale = short / min(h, w)
        width, height = (int(scale * side + multiple - 1) // multiple * multiple for side in (w, h))
    x, y = int(w / 2 + 0.5), int(h / 2 + 0.5)  # the image's centre, a whole pixel as in the released code
    matrix = np.array([[scale, 0, width / 2 - scale * x], [0, scale, height / 2 - scale * y]])
    rgb = cv2.cvtColor(cv2.warpAffine(image, matrix, (width, height)), cv2.COLOR_BGR2RGB)
    pixels = (rgb / 255 - about["mean"]) / about["deviation"]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32), matrix


def maps(run, pixels, about):
    """Heatmaps [J, H, W] and tags [J, H, W, 2] of the image and of its mirror image."""
    joints, views = len(about["joints"]), []
    for mirrored in (False, True):
        view = np.ascontiguousarray(pixels[..., ::-1]) if mirrored else pixels
        coarse, fine = (output[0].transpose(1, 2, 0) for output in run(view))
        coarse = cv2.resize(np.ascontiguousarray(coarse), fine.shape[1::-1])
        both = np.concatenate([(coarse[..., :joints] + fine) / 2, coarse[..., joints:]], 2)
        if mirrored:
            both = both[:, ::-1, about["flip"] + [joints + other for other in about["flip"]]]
        views.append(both)
    straight, mirrored = (cv2.resize(np.ascontiguousarray(view), pixels.shape[:1:-1]) for view in views)
    heat = (straight[..., :joints] + mirrored[..., :joints]) / 2
    tags = np.stack([straight[..., joints:], mirrored[..., joints:]], -1)
    return heat.transpose(2, 0, 1), tags.transpose(2, 0, 1, 3)


def group(heat, tags):
    """Heatmaps and tags -> people [P, J, 3] (x, y in input pixels, score) and their scores [P]."""
    joints = len(heat)
    people, own_tags = [], []  # per person [J, 3], and the tags of its joints
    for joint in (*(j for j in ORDER if j < joints), *range(len(ORDER), joints)):
        largest = cv2.dilate(heat[joint], np.ones((5, 5)))
        y, x = np.nonzero((heat[joint] == largest) & (heat[joint] > PEAK))
        best = np.argsort(-heat[joint, y, x], kind="stable")[:MOST]
        x, y = x[best], y[best]
        value, tag = heat[joint, y, x], tags[joint, y, x]
        mine = np.full(len(x), -1)  # the person of each peak
        if people and len(x):
            means = np.array([np.mean(some, 0) for some in own_tags[:MOST]])
            distance = np.linalg.norm(tag[:, None] - means[None], axis=2)
            cost = np.full((len(x), max(distance.shape)), 1e10)
            cost[:, : len(means)] = np.round(distance) * 100 - value[:, None]
            for peak, person in zip(*linear_sum_assignment(cost), strict=True):
                if person < len(means) and distance[peak, person] < TAG:
                    mine[peak] = person
        for peak, person in enumerate(mine):
            if person < 0:
                people.append(np.zeros((joints, 3)))
                own_tags.append([])
            people[person][joint] = x[peak], y[peak], value[peak]
            own_tags[person].append(tag[peak])
    people = np.array(people).reshape(-1, joints, 3)
    scores = people[:, :, 2].mean(1)
    for person in people:
        found = person[:, 2] > 0
        cells = person[:, :2].astype(int)
        mean = tags[found, cells[found, 1], cells[found, 0]].mean(0)
        for joint in np.flatnonzero(~found):  # where heatmap and tag fit best
            fit = heat[joint] - np.round(np.linalg.norm(tags[joint] - mean, axis=2))
            y, x = np.unravel_index(fit.argmax(), fit.shape)
            if heat[joint, y, x] > 0:
                person[joint] = x, y, heat[joint, y, x]
        for joint in np.flatnonzero(person[:, 2] > 0):  # a quarter of a pixel towards the larger side
            x, y = person[joint, :2].astype(int)
            around = np.pad(heat[joint], 1, mode="edge")[y : y + 3, x : x + 3]
            person[joint, 0] += 0.25 + 0.5 * (around[1, 2] > around[1, 0])
            person[joint, 1] += 0.25 + 0.5 * (around[2, 1] > around[0, 1])
    return people, scores


def find(run, image, about):
    """People [P, J, 3] in image pixels, and their scores, from what runs a network."""
    pixels, matrix = prepare(image, about)
    people, scores = group(*maps(run, pixels, about))
    people[..., :2] = (people[..., :2] - matrix[:, 2]) / matrix[0, 0]
    return people, scores


def draw(image, people, scores, about, least=0.1):
    """Draws the limbs of sure people."""
    for person in people[scores >= least]:
        for limb in about["limbs"]:
            if (person[limb, 2] > 0.05).all():
                ends = [tuple(map(int, person[joint, :2])) for joint in limb]
                cv2.line(image, *ends, (0, 200, 255), 2, cv2.LINE_AA)


def load(path):
    """A function that runs the network, and what its file says about it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    stored = session.get_modelmeta().custom_metadata_map
    about = {name: json.loads(value) for name, value in stored.items()}
    return lambda pixels: session.run(["coarse", "fine"], {"image": pixels}), about


def main(load):
    """Usage: NETWORK IMAGE OUTPUT."""
    if len(sys.argv) != 4:
        sys.exit("usage: NETWORK IMAGE OUTPUT")
    network, source, target = sys.argv[1:]
    run, about = load(network)
    image = cv2.imread(source)
    if image is None:
        sys.exit(f"error: {source} is not an image that can be read")
    people, scores = find(run, image, about)
    for person, score in zip(people, scores, strict=True):
        places = zip(about["joints"], person[:, :2].round(1).tolist(), strict=True)
        print(f"{score:.3f}", *(f"{name} {x} {y}" for name, (x, y) in places))
    draw(image, people, scores, about)
    cv2.imwrite(target, image)


if __name__ == "__main__":
    main(load)
