"""Skeletons and heatmaps drawn over an image."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np

from litepose.core.skeletons import Skeleton

SHIFT = 4  # OpenCV draws with this many fractional bits: sub-pixel positions stay visible
GOLDEN_RATIO = 0.618034  # steps of the hue by it keep neighbouring people's colours apart


def draw_people(
    image: np.ndarray, people: Sequence[np.ndarray], skeleton: Skeleton, min_score: float = 0.05
) -> np.ndarray:
    """A copy of the image with each person's limbs and joints in a colour of their own, anti-aliased.

    Args:
        image: uint8 RGB [h, w, 3].
        people: per person [J, 3] or [3J]: x, y in pixels, and score or visibility.
        skeleton: gives the limbs.
        min_score: joints with a lower score (or visibility) are left out, and so are their limbs.

    Returns:
        uint8 RGB [h, w, 3].
    """
    canvas = np.ascontiguousarray(image).copy()
    thickness = max(1, round(min(image.shape[:2]) / 160))
    for number, person in enumerate(people):
        joints = np.asarray(person, float).reshape(-1, 3)
        _draw_person(canvas, joints, skeleton, min_score, _colour(number), thickness)
    return canvas


def draw_heatmap(image: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """A darkened grey copy of the image under a heatmap's colours.

    Args:
        image: uint8 RGB [h, w, 3].
        heatmap: [h, w], 0 (nothing) to 1 (certain); what lies outside is clipped.

    Returns:
        uint8 RGB [h, w, 3].
    """
    strength = np.clip(heatmap, 0, 1)[..., None]
    levels = np.rint(255 * strength).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    grey = 0.5 * cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    return np.rint(grey * (1 - strength) + colours * strength).astype(np.uint8)


def _draw_person(
    canvas: np.ndarray,
    joints: np.ndarray,
    skeleton: Skeleton,
    min_score: float,
    colour: tuple[int, int, int],
    thickness: int,
) -> None:
    seen = joints[:, 2] >= min_score
    points = np.rint(joints[:, :2] * (1 << SHIFT)).astype(int).tolist()
    for a, b in skeleton.limbs:
        if seen[a] and seen[b]:
            cv2.line(canvas, points[a], points[b], colour, thickness, cv2.LINE_AA, SHIFT)
    radius = (thickness + 1) << SHIFT
    for joint in np.flatnonzero(seen):
        cv2.circle(canvas, points[joint], radius, (255, 255, 255), cv2.FILLED, cv2.LINE_AA, SHIFT)
        cv2.circle(canvas, points[joint], radius, colour, 1, cv2.LINE_AA, SHIFT)


def _colour(number: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN_RATIO % 1, 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
