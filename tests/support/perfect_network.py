"""A perfect network: heatmaps and tags drawn from annotations, decoded, and why somebody may be lost."""

import numpy as np
import torch

from litepose.datasets import targets
from litepose.inference import Resizing
from litepose.inference.grouping import group

TAG_STEP = 10  # between two people's tags: far beyond the tag threshold
EVALUATED, DECODED = 20, 30  # people per image at most
WORST_ERROR = 0.75  # map pixels: joints are cut to whole pixels and read a quarter of a pixel off
REASONS = (
    "more people than are evaluated or decoded",
    "a joint outside the map",
    "a joint in the same map pixel as another person's",
    "too small for the map: OKS below 0.95 within a pixel",
    "another person lies where its few labelled joints are",
)


def maps(joints, width, height):
    """Heatmaps [1, J, H, W] and tags [1, J, H, W, 1] of people [P, J, 3] in map pixels."""
    heatmaps = targets.heatmaps(joints, max(width, height))[:, :height, :width]
    tags = np.zeros((*heatmaps.shape, 1), np.float32)
    person, joint, x, y = visible_cells(joints, width, height)
    tags[joint, y, x, 0] = TAG_STEP * (person + 1)
    return torch.from_numpy(heatmaps.copy())[None], torch.from_numpy(tags)[None]


def visible_cells(joints, width, height):
    """Person, joint, x and y of the labelled joints inside the map."""
    cells = np.trunc(joints[..., :2]).astype(int)
    inside = (joints[..., 2] > 0) & (joints[..., :2] >= 0).all(2) & (cells < [width, height]).all(2)
    person, joint = np.nonzero(inside)
    return person, joint, *cells[person, joint].T


def labelled_people(annotations):
    """Those that the evaluators look for."""
    return [a for a in annotations if a["num_keypoints"] and not a.get("iscrowd", 0)]


def detect(image, annotations, size):
    """COCO results of one image as decoded from perfect maps; the short side is ``size``."""
    people = labelled_people(annotations)
    if not people:
        return []
    resizing = Resizing.fit(image["width"], image["height"], size)
    joints = on_map(people, resizing)
    ((found, scores),) = group(*maps(joints, resizing.width, resizing.height))
    found[..., :2] = resizing.to_image(found[..., :2], resizing.width, resizing.height)
    return [
        {
            "image_id": image["id"],
            "category_id": 1,
            "keypoints": person[:, :3].ravel().tolist(),
            "score": float(score),
        }
        for person, score in zip(found, scores, strict=True)
    ]


def on_map(people, resizing):
    """Joints [P, J, 3] in map pixels."""
    joints = np.array([person["keypoints"] for person in people], float).reshape(len(people), -1, 3)
    joints[..., :2] = joints[..., :2] * resizing.scale + resizing.shift
    return joints


def imperfect_images(evaluated):
    """Ids of images with somebody lost, or with a detection of nobody, at any OKS threshold."""
    images = len(evaluated.image_ids)
    found = np.stack([np.bincount(evaluated.image[found], minlength=images) for found in evaluated.found])
    wrong = np.bincount(evaluated.image, (~evaluated.found & ~evaluated.ignored).any(0), images)
    return evaluated.image_ids[(found.min(0) < evaluated.people) | (wrong > 0)].tolist()


def losses(image, annotations, skeleton, size, area):
    """How many people of an image each of ``REASONS`` can cost; ``area`` gives that of an annotation."""
    people = labelled_people(annotations)
    if not people:
        return np.zeros(len(REASONS), int)
    resizing = Resizing.fit(image["width"], image["height"], size)
    joints = on_map(people, resizing)
    labelled = joints[..., 2] > 0
    person, joint, x, y = visible_cells(joints, resizing.width, resizing.height)
    outside = labelled.sum(1) - np.bincount(person, minlength=len(people))
    _, cell, count = np.unique(np.stack([joint, x, y]), axis=1, return_inverse=True, return_counts=True)
    shared = np.bincount(person, count[cell.ravel()] > 1, len(people))
    spread = 2 * (2 * np.array(skeleton.sigmas)) ** 2
    extent = np.array([area(a) for a in people])[:, None] * resizing.scale**2 * spread
    worst = np.exp(-2 * WORST_ERROR**2 / np.maximum(extent, 1e-9))
    worst = (worst * labelled).sum(1) / labelled.sum(1)
    squared = ((joints[:, None, :, :2] - joints[None, :, :, :2]) ** 2).sum(3)
    # [detected, annotated]: unlabelled joints of the detected person may be where they fit best.
    both = labelled[:, None] & labelled[None]
    fit = np.where(both, np.exp(-squared / np.maximum(extent[None], 1e-9)), 1) * labelled[None]
    fit = fit.sum(2) / labelled.sum(1)
    np.fill_diagonal(fit, 0)
    return np.array(
        [
            max(0, len(people) - min(EVALUATED, DECODED)),
            (outside > 0).sum(),
            (shared > 0).sum(),
            (worst < 0.95).sum(),
            (fit.max(0) >= 0.5).sum(),
        ]
    )
