"""Where people stand in a scene: numbers, sizes and crowding drawn from CrowdPose's statistics."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from litepose.datasets.crowding import crowd_index
from scenes.body import HEAD, NECK, Body, build_body
from scenes.poses import sample_poses
from scenes.statistics import (
    CROWD_BINS,
    HEIGHT_LEVELS,
    allowed_layouts,
    layout_prior,
    load_prior,
    people_bin,
)

# Steps of an additive recurrence: numbers of consecutive scenes cover the unit cube more evenly than chance.
STEPS = np.array([0.8191725134, 0.6710436067, 0.5497004779, 0.4502995221])
_CANDIDATES, _ROUNDS = 48, 4  # arrangements tried at a time, and how often the best one is varied
# Chances that a hidden point is labelled: hidden by something else, by the own body; where the flag "visible"
# is used (COCO's annotators) and where it is not.
LABEL_HIDDEN = {True: (0.3, 0.6), False: (0.93, 0.97)}
_DISTANT = 0.2  # relative height
# Among many people about a tenth vanishes behind others, and the scene comes out more crowded per person.
_MANY, _VANISHING, _EXCESS = 6, 0.1, 0.02
_AIM = 0.96  # a little low: arrangements miss upwards more than downwards
NOTHING, HEAD_ONLY, ARMS, HIPS, KNEES, ANKLES = range(6)  # how far down a person is shown and labelled


@dataclass(frozen=True)
class SceneSettings:
    """What is drawn, and what is left out.

    Attributes:
        short_side: pixels of the picture's shorter side.
        min_height: people whose box is lower than this share of the picture's height are left out; one of the
            heights for which statistics are stored.
        max_people: scenes with more people are left out.
        max_crowd_index: more crowded scenes are left out.
        jpeg_quality: 0 to 100.
    """

    short_side: int
    min_height: float = 0.0
    max_people: int = 30
    max_crowd_index: float = 1.0
    jpeg_quality: int = 90


@dataclass(frozen=True)
class Placed:
    """A person in the picture.

    Attributes:
        body: in pixels.
        level: how far down the person is shown and labelled, `NOTHING` to `ANKLES`.
        cropped: whether the person is hidden below a row, by the picture's border or an object.
        cut: that row in pixels; else the lower end.
        doubts: [19] a hidden point is labelled where this number in 0..1 is below its chance.
    """

    body: Body
    level: int
    cropped: bool
    cut: float
    doubts: np.ndarray


@dataclass(frozen=True)
class Layout:
    """A scene before it is drawn.

    Attributes:
        width, height: pixels.
        count: of the people who should be seen.
        wished: crowding index.
        visible_flags: whether the annotator tells visible joints from occluded ones.
        horizon: row in pixels.
        people: from far to near.
    """

    width: int
    height: int
    count: int
    wished: float
    visible_flags: bool
    horizon: float
    people: list[Placed]


@dataclass(frozen=True)
class _Group:
    """People before they have a place: P bodies in their own units, sizes in pixels."""

    bodies: tuple[Body, ...]
    levels: np.ndarray  # [P]
    cropped: np.ndarray  # [P]
    extents: np.ndarray  # [P, 4] left, top, right, cut in the body's unit
    scales: np.ndarray  # [P] pixels per unit
    sizes: np.ndarray  # [P, 2] of the boxes, pixels
    doubts: np.ndarray  # [P, 19], see Placed
    joints: np.ndarray  # [P, 14, 2] from the box's upper left corner, pixels

    def placed(self, k: int, corner: np.ndarray) -> Placed:
        """Person k with the box's upper left corner at a place."""
        offset = corner - self.extents[k, :2] * self.scales[k]
        body = self.bodies[k].placed(self.scales[k], offset)
        cut = float(corner[1] + self.sizes[k, 1])
        return Placed(body, int(self.levels[k]), bool(self.cropped[k]), cut, self.doubts[k])


def plan_layout(
    settings: SceneSettings, always_flags: bool, even: np.ndarray, correction: float, rng: np.random.Generator
) -> Layout:
    """Draws the people of one scene and arranges them for a crowding index.

    Args:
        settings: filters and size.
        always_flags: whether visible joints are told from occluded ones in every scene, as in COCO; else
            in as many as in CrowdPose.
        even: [4] numbers in 0..1 that cover a data set evenly.
        correction: is added to the crowding index that the arrangement aims at.
        rng: everything else.
    """
    layout = layout_prior(settings.min_height)
    images = allowed_layouts(layout, settings.max_people, settings.max_crowd_index)
    position = even[0] * images.sum() - np.cumsum(images)
    cell = min(int((position >= 0).sum()), images.size - 1)
    people, tenth = cell // CROWD_BINS + 1, cell % CROWD_BINS
    within = np.clip(1 + position[cell] / max(images.flat[cell], 1e-9), 0, 1)
    wished = min((tenth + within) / CROWD_BINS, settings.max_crowd_index) * _AIM if people > 1 else 0.0
    size = _picture_size(settings.short_side, even[1])
    group_bin = int(people_bin(people))
    heights = _heights(layout, group_bin, people, wished, even[2], rng)
    if people >= _MANY:  # some will be hidden altogether
        hidden = _heights(layout, group_bin, rng.binomial(people, _VANISHING), wished, even[2], rng)
        heights = np.concatenate([heights, hidden])
    group = _group(np.clip(heights, max(settings.min_height * 1.03, 6 / size[1]), 1.0), size, rng)
    horizon = size[1] * rng.uniform(0.15, 0.55)
    visible_flags = always_flags or bool(even[3] < layout["flagged"][group_bin])
    tops = _tops(group, size, horizon, rng)
    aim = wished + correction - (_EXCESS * people if people >= _MANY else 0.0)
    corners = _arrange(group, tops, size, aim, LABEL_HIDDEN[visible_flags][0], rng)
    depths = group.scales * [body.girth for body in group.bodies]
    placed = [group.placed(k, corners[k]) for k in np.argsort(depths)]
    return Layout(*size, people, wished, visible_flags, horizon, placed)


def _group(heights: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> _Group:
    """People of these relative heights."""
    levels = _levels(heights, rng)
    # Of distant people annotators may label the head alone; of others it means that no more is seen.
    distant = heights < _DISTANT
    levels = np.where(distant, levels, np.maximum(levels, HEAD_ONLY))
    cropped = (levels < ANKLES) & ((levels > HEAD_ONLY) | ~distant)
    widest = np.minimum(size[0] / (heights * size[1]), 1.6)
    found = [_body_that_fits(*person, rng) for person in zip(levels, cropped, widest, strict=True)]
    bodies, extents = zip(*found, strict=True)
    extents = np.array(extents)
    scales = heights * size[1] / (extents[:, 3] - extents[:, 1])
    joints = np.stack([body.joints for body in bodies])
    return _Group(
        bodies=bodies,
        levels=levels,
        cropped=cropped,
        extents=extents,
        scales=scales,
        sizes=(extents[:, 2:] - extents[:, :2]) * scales[:, None],
        doubts=sample_doubts(len(bodies), rng),
        joints=(joints - extents[:, None, :2]) * scales[:, None, None],
    )


def sample_doubts(people: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers for `Placed.doubts` [people, 19]; an annotator is consistent within a person, partly."""
    return 0.5 * rng.random((people, 1)) + 0.5 * rng.random((people, 19))


def _picture_size(short_side: int, even: float) -> tuple[int, int]:
    aspects = np.array(load_prior()["aspects"])
    aspect = aspects[np.searchsorted(np.cumsum(aspects[:, 1]) / aspects[:, 1].sum(), even), 0]
    long_side = round(short_side * max(aspect, 1 / aspect))
    return (long_side, short_side) if aspect >= 1 else (short_side, long_side)


def _heights(
    layout: dict, group_bin: int, people: int, wished: float, even: float, rng: np.random.Generator
) -> np.ndarray:
    """Relative heights: CrowdPose's quantiles, correlated within a scene and with its crowding."""
    crowding, common = layout["height_crowding"][group_bin], layout["height_common"][group_bin]
    shared = crowding * ndtri(np.clip(wished, 0.02, 0.98)) + np.sqrt(max(common - crowding**2, 0)) * ndtri(
        even
    )
    scores = shared + np.sqrt(1 - common) * rng.standard_normal(people)
    if people == 1:
        scores = ndtri(np.array([even]))
    return np.interp(ndtr(scores), HEIGHT_LEVELS, layout["heights"][group_bin])


def _levels(heights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    table = load_prior()["levels"]
    counts = np.array(table["counts"], float)
    rows = np.searchsorted(table["height_edges"], heights, side="right") - 1
    cumulative = np.cumsum(counts, 1) / counts.sum(1, keepdims=True)
    return (rng.random(len(heights))[:, None] > cumulative[rows]).sum(1)


def _body_that_fits(level: int, cropped: bool, widest: float, rng: np.random.Generator) -> tuple[Body, tuple]:
    """A body not wider than the picture, or the narrowest of a few."""
    found = []
    for pose in sample_poses(rng, 4):
        body = build_body(pose, rng)
        extent = _extent(body, level if cropped else ANKLES, rng)
        found.append((body, extent))
        if (extent[2] - extent[0]) / (extent[3] - extent[1]) < widest:
            return found[-1]
    return min(found, key=lambda item: (item[1][2] - item[1][0]) / (item[1][3] - item[1][1]))


def _extent(body: Body, level: int, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, top, right of a body and the row below which it is hidden, in the body's own unit."""
    points = np.concatenate([body.joints, body.toes])
    margin = 0.045 * body.girth
    left, top = points.min(0) - margin
    right, bottom = points.max(0) + margin * np.array([1, 0.6])
    top = min(top + margin, body.joints[[4, 5], 1].min() - margin, body.joints[HEAD, 1])
    if HEAD_ONLY <= level < ANKLES:
        parts = {
            HEAD_ONLY: ((NECK,), (0, 1, 2, 3, 6, 7)),
            ARMS: ((NECK, 0, 1), (6, 7)),
            HIPS: ((6, 7), (8, 9)),
            KNEES: ((8, 9), (10, 11)),
        }
        above, below = (body.joints[list(part), 1] for part in parts[level])
        low, high = above.max() + 0.5 * margin, below.min() - 0.5 * margin
        if low < high:
            bottom = low + (high - low) * rng.uniform(0.15, 0.95)
            seen = points[points[:, 1] < bottom]
            left, right = seen[:, 0].min() - margin, seen[:, 0].max() + margin
    return left, top, right, bottom


def _tops(group: _Group, size: tuple[int, int], horizon: float, rng: np.random.Generator) -> np.ndarray:
    """Rows of the boxes' upper edges [candidates, P]: feet on a ground plane, or cut by the border."""
    height = size[1]
    box_heights, people = group.sizes[:, 1], len(group.bodies)
    feet = group.extents[:, 3] + np.where(group.cropped, 0.45, 0.0)  # below the cut, about
    reach = (height * rng.uniform(0.88, 1.05) - horizon) / group.scales.max()
    tops = horizon + group.scales * (reach - feet + group.extents[:, 1])
    tops = tops + rng.normal(0, 0.06, (_CANDIDATES, people)) * height
    tops = np.clip(tops, height * 0.01, np.maximum(height - box_heights - 1, 0))
    at_border = group.cropped & (rng.random(people) < 0.3) & (box_heights > 0.25 * height)
    return np.where(at_border, height - box_heights, tops)


def _arrange(
    group: _Group, tops: np.ndarray, size: tuple[int, int], wished: float, label_hidden: float,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Upper left corners of the boxes [P, 2]: of many arrangements the best for the crowding."""
    width, people = size[0], len(group.bodies)
    widths = group.sizes[:, 0]
    over = np.where(rng.random(people) < 0.2, rng.uniform(0, 0.45, people), 0.0) * widths
    low, high = widths / 2 - over, width - widths / 2 + over
    best: np.ndarray | None = None
    least = np.inf
    for _ in range(_ROUNDS if people > 1 else 1):
        corners = np.stack([_centres(width, low, high, rng) - widths / 2, tops], -1)
        if best is not None:  # move some people only
            corners = np.where(rng.random((_CANDIDATES, people, 1)) < 0.5, corners, best)
        cost = _misfit(group, corners, size, wished, label_hidden)
        if cost.min() < least:
            best, least = corners[cost.argmin()], cost.min()
        if least < 0.02:
            break
    assert best is not None, "every cost is finite"
    return best


def _centres(width: int, low: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Columns of the boxes' middles [candidates, P]: tight to loose groups, some people in a second group."""
    shape = (_CANDIDATES, len(low))
    widths = np.geomspace(0.02, 0.9, _CANDIDATES)[:, None] * width
    middle = width * rng.uniform(0.25, 0.75, (_CANDIDATES, 1))
    second = np.where(rng.random(shape) < 0.3, rng.normal(0, 0.5, (_CANDIDATES, 1)), 0.0)
    centres = middle + widths * (rng.uniform(-0.8, 0.8, shape) + second)
    return np.where(low < high, np.clip(centres, low, np.maximum(low, high)), width / 2)


def _misfit(
    group: _Group, corners: np.ndarray, size: tuple[int, int], wished: float, label_hidden: float
) -> np.ndarray:
    """Distance of arrangements [C, P, 2] from the wished crowding, plus people who vanish: [C]."""
    corners, sizes = corners.astype(np.float32), group.sizes.astype(np.float32)
    points = group.joints.astype(np.float32) + corners[:, :, None]
    above_cut = group.joints[..., 1] < group.sizes[:, 1:]
    labelled = above_cut & (group.levels[:, None] > HEAD_ONLY)
    labelled[group.levels == HEAD_ONLY] = np.arange(14) >= HEAD
    # A nearer person hides about the middle of the own box.
    left, top = corners[..., 0] + 0.2 * sizes[:, 0], corners[..., 1]
    right, bottom = left + 0.6 * sizes[:, 0], top + sizes[:, 1]
    x, y = (
        points[..., 0][:, :, None],
        points[..., 1][:, :, None],
    )  # [C, P, 1, J] against nearer people [C, 1, P, 1]
    behind = (x > left[:, None, :, None]) & (x < right[:, None, :, None])
    behind &= (y > top[:, None, :, None]) & (y < bottom[:, None, :, None])
    behind &= (group.scales[None] > group.scales[:, None])[None, :, :, None]
    hidden = behind.any(2)
    inside = ((points > 0) & (points < size)).all(-1)
    labelled = inside & labelled & (~hidden | (group.doubts[:, :14] < label_hidden))
    # The box will hold what is seen or labelled: of somebody who is partly hidden, about those joints.
    known = ~hidden[..., None] | labelled[..., None]
    margin = 0.25 * sizes.min(-1)[:, None]
    low = np.maximum(np.where(known, points, np.inf).min(2) - margin, np.maximum(corners, 0))
    high = np.minimum(np.where(known, points, -np.inf).max(2) + margin, np.minimum(corners + sizes, size))
    boxes = np.concatenate([low, np.maximum(high - low, 0)], -1)
    keypoints = np.concatenate([points, labelled[..., None]], -1)
    share = (hidden & above_cut).sum(-1) / np.maximum(above_cut.sum(-1), 1)
    vanished = np.clip(share - 0.75, 0, None).sum(-1)
    return np.abs(crowd_index(boxes.astype(np.float32), keypoints.astype(np.float32)) - wished) + 2 * vanished
