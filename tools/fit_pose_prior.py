"""Fits the scene generator's prior to a CrowdPose annotation file: ``python -m tools.fit_pose_prior FILE``.

Run by hand when the prior is to be renewed; the statistics it writes are part of the package, so that no
stage of the pipeline needs CrowdPose's annotations.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm, rankdata

from litepose.core.files import write_text
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets.crowding import crowd_index
from litepose.datasets.reading import read
from scenes.poses import LIMB_LENGTHS, vectors_from_joints
from scenes.statistics import (
    CROWD_BINS,
    HEIGHT_LEVELS,
    PEOPLE_BINS,
    PRIOR_FILE,
    crowd_bin,
    people_bin,
    people_of,
)

DIMENSIONS, COMPONENTS = 12, 6
MIN_HEIGHTS = (0, 0.1, 0.2, 0.25, 0.3)
HEIGHT_EDGES = (0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8)
MAX_PEOPLE = 14  # CrowdPose annotates no more in one image


def main(annotation_file: Path) -> None:
    """Reads the annotations and replaces the prior file."""
    annotations = read(annotation_file, CROWDPOSE).content()
    keypoints = np.array([person["keypoints"] for person in annotations["annotations"]], float).reshape(
        -1, 14, 3
    )
    boxes = np.array([person["bbox"] for person in annotations["annotations"]], float)
    images, rows = people_of(annotations)
    heights = np.empty(len(boxes))
    for image, members in zip(images, rows, strict=True):
        heights[members] = boxes[members, 3] / image["height"]
    prior = {
        "poses": fit_poses(keypoints),
        "aspects": fit_aspects(images),
        "levels": fit_levels(keypoints, heights),
        "layouts": {
            f"{low:g}": fit_layout(images, rows, keypoints, boxes, heights, low) for low in MIN_HEIGHTS
        },
    }
    write_text(PRIOR_FILE, json.dumps(prior, separators=(",", ":")) + "\n")


def fit_poses(keypoints: np.ndarray) -> dict:
    """A Gaussian mixture over principal components of the limb vectors of people with all joints labelled."""
    joints = keypoints[(keypoints[..., 2] > 0).all(1)]
    vectors = vectors_from_joints(joints[..., :2])
    mirror = joints[:, [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 12, 13], :2] * [-1, 1]
    vectors = np.concatenate([vectors, vectors_from_joints(mirror)])
    flat = vectors.reshape(len(vectors), -1)
    lengths = np.linalg.norm(vectors[:, LIMB_LENGTHS], axis=-1)
    middle = np.median(flat, 0)
    deviation = np.abs(flat - middle) / (np.percentile(np.abs(flat - middle), 90, axis=0) + 1e-6)
    flat = flat[deviation.max(1) < 6]  # a few annotated joints lie on another person
    mean = flat.mean(0)
    _, _, axes = np.linalg.svd(flat - mean, full_matrices=False)
    basis = axes[:DIMENSIONS]
    weights, centres, covariances = gaussian_mixture((flat - mean) @ basis.T)
    lower = np.tril_indices(DIMENSIONS)
    factors = np.linalg.cholesky(covariances)[:, lower[0], lower[1]]
    limits = np.percentile(lengths, [1, 99], axis=0)
    fields = {"mean": mean, "basis": basis, "weights": weights, "centres": centres, "factors": factors}
    return {name: np.round(x, 3).tolist() for name, x in (fields | {"limits": limits}).items()}


def gaussian_mixture(x: np.ndarray, rounds: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expectation maximisation with full covariances: weights [K], centres [K, D], covariances [K, D, D]."""
    rng = np.random.default_rng(0)
    centres = x[rng.choice(len(x), COMPONENTS, replace=False)]
    covariances = np.tile(np.cov(x.T), (COMPONENTS, 1, 1))
    weights = np.full(COMPONENTS, 1 / COMPONENTS)
    for _ in range(rounds):
        factors = np.linalg.cholesky(covariances)
        offsets = np.linalg.solve(factors, (x[None] - centres[:, None]).transpose(0, 2, 1))  # [K, D, N]
        log_norm = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
        log_density = np.log(weights)[:, None] - log_norm[:, None] - 0.5 * (offsets**2).sum(1)
        share = np.exp(log_density - log_density.max(0))
        share /= share.sum(0)
        total = share.sum(1)
        weights = total / total.sum()
        centres = share @ x / total[:, None]
        away = x[None] - centres[:, None]
        covariances = np.einsum("kn,knd,kne->kde", share, away, away) / total[:, None, None]
        covariances += 1e-5 * np.eye(x.shape[1])
    return weights, centres, covariances


def fit_aspects(images: list[dict]) -> list[list[float]]:
    """Width / height to a twentieth, with the number of images."""
    counts = Counter(round(20 * image["width"] / image["height"]) / 20 for image in images)
    return [[aspect, count] for aspect, count in sorted(counts.items()) if count >= 8]


def fit_levels(keypoints: np.ndarray, heights: np.ndarray) -> dict:
    """How far down people are labelled, per relative height.

    Levels: 0 nothing, 1 head or neck, 2 a shoulder or arm, 3 a hip, 4 a knee, 5 an ankle.
    """
    labelled = keypoints[..., 2] > 0
    parts = [labelled[:, a:b].any(1) for a, b in ((10, 12), (8, 10), (6, 8), (0, 6), (12, 14))]
    level = np.select(parts, [5, 4, 3, 2, 1], 0)
    row = np.searchsorted(HEIGHT_EDGES, heights, side="right") - 1
    table = np.zeros((len(HEIGHT_EDGES), 6), int)
    np.add.at(table, (row, level), 1)
    return {"height_edges": HEIGHT_EDGES, "counts": table.tolist()}


def fit_layout(
    images: list[dict], rows: list[np.ndarray], keypoints: np.ndarray, boxes: np.ndarray, heights: np.ndarray,
    min_height: float,
) -> dict:  # fmt: skip
    """Tables of the scenes that are left without the people below a relative height."""
    scenes = []
    for image, members in zip(images, rows, strict=True):
        kept = members[heights[members] >= min_height]
        whole = len(kept) == len(members)
        if len(kept):
            index = image["crowdIndex"] if whole else float(crowd_index(boxes[kept], keypoints[kept]))
            scenes.append((kept, index, bool((keypoints[members, :, 2] == 2).any())))
    people = np.array([len(kept) for kept, _, _ in scenes])
    indices = np.array([index for _, index, _ in scenes])
    flagged = np.array([flag for _, _, flag in scenes])
    table = np.zeros((MAX_PEOPLE, CROWD_BINS), int)
    np.add.at(table, (people - 1, crowd_bin(indices)), 1)
    group = people_bin(people)
    groups = [[scenes[i] for i in np.flatnonzero(group == g)] for g in range(len(PEOPLE_BINS))]
    correlations = [height_correlations(members, heights) for members in groups]
    layout: dict[str, Any] = {
        "images": table.tolist(),
        "heights": [
            np.quantile(np.concatenate([heights[kept] for kept, _, _ in members]), HEIGHT_LEVELS)
            .round(3)
            .tolist()
            for members in groups
        ],
        "height_crowding": [round(a, 3) for a, _ in correlations],
        "height_common": [round(b, 3) for _, b in correlations],
        "flagged": [round(float(flagged[group == g].mean()), 3) for g in range(len(PEOPLE_BINS))],
    }
    for name, value in (("visible_flags", True), ("no_visible_flags", False)):
        chosen = [[kept for kept, _, flag in members if flag == value] for members in groups]
        layout[name] = joint_counts(chosen, keypoints)
    return layout


def height_correlations(
    scenes: list[tuple[np.ndarray, float, bool]], heights: np.ndarray
) -> tuple[float, float]:
    """Correlation of heights, as normal scores, with the scene's crowding and between its people."""
    sizes = np.array([len(kept) for kept, _, _ in scenes])
    if sizes.max() < 2:
        return 0.0, 0.0
    values = np.concatenate([heights[kept] for kept, _, _ in scenes])
    scores = norm.ppf((rankdata(values) - 0.5) / len(values))
    crowding = np.array([index for _, index, _ in scenes])
    crowding = norm.ppf((rankdata(crowding) - 0.5) / len(crowding))
    sums = np.add.reduceat(scores, np.concatenate([[0], np.cumsum(sizes)[:-1]]))
    squares = np.add.reduceat(scores**2, np.concatenate([[0], np.cumsum(sizes)[:-1]]))
    pairs = (sums**2 - squares).sum() / (sizes * (sizes - 1)).sum()
    return float((np.repeat(crowding, sizes) * scores).mean()), float(pairs)


def joint_counts(groups: list[list[np.ndarray]], keypoints: np.ndarray) -> dict:
    """Histograms of labelled and visible body joints, and people without any label, per group of images."""
    rows = [np.concatenate(kept) if kept else np.empty(0, int) for kept in groups]
    flags = [keypoints[row, :, 2] for row in rows]
    return {
        "labelled": [np.bincount((v[:, :12] > 0).sum(1), minlength=13).tolist() for v in flags],
        "visible": [np.bincount((v[:, :12] == 2).sum(1), minlength=13).tolist() for v in flags],
        "unlabelled": [int((v == 0).all(1).sum()) for v in flags],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
