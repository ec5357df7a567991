"""Keypoints, flags and boxes of a drawn scene, as an annotator would see them."""

from dataclasses import dataclass

import numpy as np

from litepose.core.skeletons import COCO, Skeleton
from litepose.datasets.crowding import crowd_index
from scenes.layout import (
    ANKLES,
    ARMS,
    HEAD_ONLY,
    HIPS,
    KNEES,
    LABEL_HIDDEN,
    Layout,
    Placed,
    sample_doubts,
)
from scenes.parts import SHOWS
from scenes.person import Layer

# COCO's order from the 19 points: CrowdPose's 14, then nose, eyes, ears
_TO_COCO = np.array([14, 15, 16, 17, 18, *range(12)])
# How far down a person must be labelled for each of the 19 points
_POINT_LEVEL = np.array([ARMS] * 6 + [HIPS] * 2 + [KNEES] * 2 + [ANKLES] * 2 + [HEAD_ONLY] * 7)
_LEAST_SEEN, _LEAST_PIXELS = 0.08, 6  # people of whom less is seen are not annotated
_SHOWING = 3  # of the nine pixels around a point, for it to be seen
_ANNOTATORS = 24  # labellings of hidden joints, of which the one nearest to the wished crowding is taken


@dataclass(frozen=True)
class _Sight:
    """What is seen of one person: the 14 joints, then nose, eyes, ears."""

    points: np.ndarray  # [19, 2]
    seen: np.ndarray  # [19]
    chance: np.ndarray  # [19] that a point which is not seen is labelled
    doubts: np.ndarray  # [19]
    mask: np.ndarray  # [H, W]
    box: np.ndarray  # [4] left, top, right, bottom of the mask


def annotate(
    skeleton: Skeleton,
    layout: Layout,
    owner: np.ndarray,
    layers: list[Layer | None],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Labels the people of whom enough is seen.

    Args:
        skeleton: COCO's or CrowdPose's.
        layout: the scene.
        owner: int [H, W], the number of the person that each pixel shows.
        layers: per person of the layout, what was drawn.
        rng: how annotators guess hidden joints.

    Returns:
        Keypoints [P, J, 3], boxes [P, 4] as x, y, width, height, masks [P, H, W], and the crowding index.
    """
    sights = [
        _sight(person, layer, mask, layout.visible_flags)
        for number, (person, layer) in enumerate(zip(layout.people, layers, strict=True))
        if layer is not None and _is_noticed(layer, mask := owner == number)
    ]
    if not sights:
        return np.empty((0, skeleton.num_joints, 3)), np.empty((0, 4)), np.empty((0, *owner.shape), bool), 0.0
    points, seen, chance, first, masks, boxes = (
        np.stack([getattr(sight, name) for sight in sights])
        for name in ("points", "seen", "chance", "doubts", "mask", "box")
    )
    more = [sample_doubts(len(sights), rng) for _ in range(_ANNOTATORS - 1)]
    flags = np.where(seen, 2, np.stack([first, *more]) < chance)  # [annotators, P, 19]
    points, flags = _in_order(skeleton, layout, points, flags)
    boxes = _grown(boxes, points, flags)
    keypoints = np.concatenate([np.where(flags[..., None] > 0, points, 0), flags[..., None]], -1)
    indices = crowd_index(boxes, keypoints)
    best = np.abs(indices - layout.wished).argmin()
    return keypoints[best], boxes[best], masks, float(indices[best])


def _is_noticed(layer: Layer, mask: np.ndarray) -> bool:
    return bool(mask.sum() >= max(_LEAST_SEEN * (layer.parts > 0).sum(), _LEAST_PIXELS))


def _in_order(
    skeleton: Skeleton, layout: Layout, points: np.ndarray, flags: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The skeleton's joints and the flags that its annotators use."""
    if skeleton.name == COCO.name:
        return points[:, _TO_COCO], flags[..., _TO_COCO]
    # CrowdPose marks no head and no neck as visible, and in about half of its images no joint at all.
    highest = np.where((np.arange(14) < 12) & layout.visible_flags, 2, 1)
    return points[:, :14], np.minimum(flags[..., :14], highest)


def _grown(boxes: np.ndarray, points: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Boxes [A, P, 4], x, y, width, height, of what is seen of people and of the joints that are labelled."""
    labelled = flags[..., None] > 0
    low = np.minimum(boxes[:, :2], np.where(labelled, points, np.inf).min(2))
    high = np.maximum(boxes[:, 2:], np.where(labelled, points, -np.inf).max(2))
    return np.concatenate([low, high - low], -1)


def _sight(person: Placed, layer: Layer, mask: np.ndarray, visible_flags: bool) -> _Sight:
    face, near = person.body.face()
    points = np.concatenate([person.body.joints, face])
    height, width = mask.shape
    seen, covered = _shown(points, layer, mask)
    seen[14:] &= near
    if abs(np.sin(person.body.yaw)) > 0.85:  # the body itself hides the far shoulder and hip
        seen[[1 - person.body.near_side, 7 - person.body.near_side]] = False
    by_others, by_itself = LABEL_HIDDEN[visible_flags]
    chance = np.where(covered, by_others, by_itself)
    chance[14:] *= np.where(near, 1, 0.15)  # a face point on the head's far side is rarely guessed
    allowed = ((points >= 0) & (points <= [width - 1, height - 1])).all(1) & (person.level >= _POINT_LEVEL)
    if person.cropped:
        allowed &= points[:, 1] <= person.cut + 1
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
    return _Sight(points, seen & allowed, chance * allowed, person.doubts, mask, box)


def _shown(points: np.ndarray, layer: Layer, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each point is seen [19], and whether something else than the own body covers it [19]."""
    height, width = mask.shape
    steps = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), -1).reshape(-1, 2)
    spots = np.rint(points)[:, None].astype(int) + steps  # [19, 9, 2]
    x, y = np.clip(spots[..., 0], 0, width - 1), np.clip(spots[..., 1], 0, height - 1)
    visible = mask[y, x]
    rows, columns = layer.parts.shape
    parts = layer.parts[np.clip(y - layer.top, 0, rows - 1), np.clip(x - layer.left, 0, columns - 1)]
    right_part = SHOWS[np.arange(len(points))[:, None], parts]
    return (visible & right_part).sum(1) >= _SHOWING, ~visible[:, 4]
