"""Panoramas, looked at in overlapping windows.

A network tells people apart by tags, which it learned on pictures of common shapes: in a panorama, people far
from each other have the same tags, and limbs span the picture. In a window of a common shape they do not, and
people keep the size that they would have in such a picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from litepose.inference.resizing import MAX_ASPECT

ASPECT = 4 / 3  # of a window, whose neighbours share half of it with it
MOST = 64  # windows; an image that needs more is taken as a whole
MARGIN = 0.05  # by which windows own more than their part, as a share of the image's height
SAME = 0.1  # mean distance of two finds' joints, as a share of their extent, below which they are one person


@dataclass(frozen=True)
class Window:
    """Some columns of an image, and the people who count there.

    Attributes:
        left, right: the columns from and up to which it reaches.
        owned: from where to where people's middles lie that count, x in image pixels.
    """

    left: int
    right: int
    owned: tuple[float, float] = (-math.inf, math.inf)

    def owns(self, keypoints: np.ndarray) -> bool:
        """Whether a person counts here, by the middle of its joints [J, 3]: x, y in image pixels, score."""
        low, high = self.owned
        return bool(low <= np.average(keypoints[:, 0], weights=keypoints[:, 2]) < high)


def windows(width: int, height: int) -> list[Window]:
    """The windows in which an image is looked at: one of all of it, unless it is wider than 4:1.

    Whoever is no wider than half a window is seen whole in the window that owns the place. Tall images are
    taken as a whole: people stand in them, as high as several windows.
    """
    length = round(ASPECT * height)
    count = math.ceil(2 * width / length) - 1
    if width <= MAX_ASPECT * height or count > MOST:
        return [Window(0, width)]
    lefts = np.rint(np.linspace(0, width - length, count)).astype(int).tolist()
    # Places belong to the window whose middle is nearest, and to both near the edge: nobody there is lost.
    between = [(one + other + length) / 2 for one, other in pairwise(lefts)]
    lows = [-math.inf, *(edge - MARGIN * height for edge in between)]
    highs = [*(edge + MARGIN * height for edge in between), math.inf]
    return [
        Window(left, left + length, owned)
        for left, owned in zip(lefts, zip(lows, highs, strict=True), strict=True)
    ]


def merged(found: Sequence[list[dict]]) -> list[dict]:
    """The people of an image's windows, as COCO results in order; of those found in two, the surer find."""
    if len(found) == 1:
        return found[0]
    finds = [(number, person) for number, people in enumerate(found) for person in people]
    kept: list[int] = []
    for find in sorted(range(len(finds)), key=lambda find: -finds[find][1]["score"]):
        number, person = finds[find]
        if not any(finds[other][0] != number and _same(person, finds[other][1]) for other in kept):
            kept.append(find)
    return [finds[find][1] for find in sorted(kept)]


def _same(one: dict, other: dict) -> bool:
    """Whether two finds are of the same person, by the joints that both have."""
    joints = np.array([one["keypoints"], other["keypoints"]]).reshape(2, -1, 3)
    joints = joints[:, (joints[..., 2] > 0).all(0), :2]
    if not joints.size:
        return False
    return bool(np.linalg.norm(joints[0] - joints[1], axis=1).mean() < SAME * np.ptp(joints, 1).max())
