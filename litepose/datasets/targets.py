"""Training targets of one view: heatmaps, tag positions and the mask of the loss."""

from functools import lru_cache

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from litepose.datasets.annotations import RunLengths


def heatmaps(joints: np.ndarray, size: int, sigma: float = 2.0) -> np.ndarray:
    """One Gaussian per visible joint, merged by maximum.

    The centre is the joint's position cut to whole pixels, the patch ends 3 sigma + 1 pixels away, as in the
    released code. Joints outside the map are dropped.

    Args:
        joints: [P, J, 3]: x, y in map pixels, visibility (> 0 counts).
        size: side of the square map in pixels.
        sigma: the Gaussian's standard deviation in pixels.

    Returns:
        float32 [J, size, size].
    """
    _, channels, x, y = _inside(joints, size)
    radius, offsets_y, offsets_x, values = _patch(float(sigma))
    side = size + 2 * radius  # a margin, so that patches over the border need no clipping
    canvas = np.zeros((joints.shape[1], side, side), np.float32)
    centres = (channels * side + y + radius) * side + x + radius
    # The patch's positions run from the faintest to the brightest and numpy keeps the last value written to
    # an index: the result is the maximum of all patches.
    positions = (offsets_y * side + offsets_x)[:, None] + centres
    canvas.reshape(-1)[positions] = values[:, None]
    return canvas[:, radius : radius + size, radius : radius + size]


def tag_positions(joints: np.ndarray, size: int, max_people: int) -> np.ndarray:
    """Where the tags of each person's joints are read.

    Args:
        joints: [P, J, 3]: x, y in map pixels, visibility. People after the first ``max_people`` are dropped.
        size: side of the square map in pixels.
        max_people: rows of the result.

    Returns:
        int64 [max_people, J, 2]: index into the flattened [J, size, size] tag maps, and 1 where it counts.
    """
    positions = np.zeros((max_people, joints.shape[1], 2), np.int64)
    person, channel, x, y = _inside(joints[:max_people], size)
    positions[person, channel, 0] = (channel * size + y) * size + x
    positions[person, channel, 1] = 1
    return positions


def ignored_region(encoded: RunLengths | None) -> np.ndarray | None:
    """The run-length encoded region, if any, as uint8 [height, width]: 255 inside, 0 elsewhere."""
    if encoded is None:
        return None
    return np.ascontiguousarray(coco_mask.decode(encoded)) * np.uint8(255)


def loss_mask(region: np.ndarray | None, matrix: np.ndarray, size: int) -> np.ndarray:
    """The mask of the heatmap loss: 0 in the ignored region, 1 elsewhere.

    Args:
        region: of the image, see ``ignored_region``.
        matrix: affine [2, 3], image pixels to map pixels.
        size: side of the square map in pixels.

    Returns:
        float32 [size, size].
    """
    if region is None:
        return np.ones((size, size), np.float32)
    return (cv2.warpAffine(region, matrix, (size, size)) < 128).astype(np.float32)


def _inside(joints: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Person, joint, x and y (whole pixels) of the visible joints inside the map, each [N]."""
    cells = np.trunc(joints[..., :2])
    inside = (joints[..., 2] > 0) & (cells >= 0).all(-1) & (cells < size).all(-1)
    person, channel = np.nonzero(inside)
    x, y = cells[person, channel].astype(np.int64).T
    return person, channel, x, y


@lru_cache(maxsize=8)
def _patch(sigma: float) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Radius, row and column offsets and values of the Gaussian's patch, from faint to bright."""
    radius = int(np.ceil(3 * sigma + 1))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].reshape(2, -1)
    values = np.exp(-(x**2 + y**2) / (2 * sigma**2)).astype(np.float32)
    order = np.argsort(values, kind="stable")
    return radius, y[order], x[order], values[order]
