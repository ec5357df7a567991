"""Poses as limb vectors: from joints and back, and drawn from the distribution fitted to CrowdPose."""

from functools import cache

import numpy as np

from scenes.statistics import load_prior

# CrowdPose's joints: shoulders 0 1, elbows 2 3, wrists 4 5, hips 6 7, knees 8 9, ankles 10 11,
# head 12, neck 13. Row k of a pose's vectors leads from joint VECTOR_FROM[k] to VECTOR_TO[k]; 14 is the
# middle of the hips.
VECTOR_FROM = np.array([13, 13, 13, 0, 1, 2, 3, 13, 14, 6, 7, 8, 9])
VECTOR_TO = np.array([12, 0, 1, 2, 3, 4, 5, 14, 6, 8, 9, 10, 11])
# Vectors whose length is limited to what was seen; the shoulders', hips' and head's turn with the body.
LIMB_LENGTHS = np.array([0, 3, 4, 5, 6, 7, 9, 10, 11, 12])


def vectors_from_joints(joints: np.ndarray) -> np.ndarray:
    """Limb vectors in units of the body's size: torso length plus the mean of both legs' lengths, as seen.

    Args:
        joints: [N, 14, 2] pixels, CrowdPose's order.

    Returns:
        [N, 13, 2].
    """
    middle = joints[:, 6:8].mean(1, keepdims=True)
    points = np.concatenate([joints, middle], 1)
    vectors = points[:, VECTOR_TO] - points[:, VECTOR_FROM]
    lengths = np.linalg.norm(vectors, axis=-1)
    size = lengths[:, 7] + lengths[:, 9:13].sum(1) / 2
    return vectors / np.maximum(size, 1.0)[:, None, None]


def joints_from_vectors(vectors: np.ndarray) -> np.ndarray:
    """Joints [N, 14, 2] with the neck at the origin, from limb vectors [N, 13, 2]."""
    points = np.zeros((len(vectors), 15, 2))
    for row, (start, end) in enumerate(zip(VECTOR_FROM, VECTOR_TO, strict=True)):
        points[:, end] = points[:, start] + vectors[:, row]
    points[:, 7] = 2 * points[:, 14] - points[:, 6]
    points[:, [9, 11]] = points[:, 7:8] + np.cumsum(vectors[:, [10, 12]], 1)
    return points[:, :14]


@cache
def _mixture() -> tuple[np.ndarray, ...]:
    poses = load_prior()["poses"]
    mean, basis, weights, centres, limits = (
        np.array(poses[name]) for name in ("mean", "basis", "weights", "centres", "limits")
    )
    size = centres.shape[1]
    factors = np.zeros((len(centres), size, size))
    lower = np.tril_indices(size)
    factors[:, lower[0], lower[1]] = np.array(poses["factors"])
    return mean, basis, np.cumsum(weights / weights.sum()), centres, factors, limits


def sample_poses(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draws poses from the fitted mixture.

    Draws beyond two and a half deviations in one direction, or with a limb longer than 99 % of those seen,
    are drawn again.

    Returns:
        [count, 14, 2] joints, the neck at the origin, in units of the body's size, y downwards.
    """
    mean, basis, cumulative, centres, factors, (_, longest) = _mixture()
    found = np.empty((0, len(mean) // 2, 2))
    while len(found) < count:
        draws = 2 * count + 8
        component = np.minimum(np.searchsorted(cumulative, rng.random(draws)), len(centres) - 1)
        noise = rng.standard_normal((draws, centres.shape[1]))
        latent = centres[component] + np.einsum("nij,nj->ni", factors[component], noise)
        vectors = (mean + latent @ basis).reshape(draws, -1, 2)
        lengths = np.linalg.norm(vectors[:, LIMB_LENGTHS], axis=-1)
        good = (np.abs(noise) < 2.5).all(1) & (lengths < longest).all(1)
        found = np.concatenate([found, vectors[good]])
    return joints_from_vectors(found[:count])
