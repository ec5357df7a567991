"""One picture with people, and its keypoints as an annotator would see them."""

from dataclasses import dataclass

import numpy as np

from litepose.core.skeletons import COCO, Skeleton
from scenes import scenery
from scenes.annotator import annotate
from scenes.layout import Layout, Placed, SceneSettings, plan_layout
from scenes.looks import sample_look
from scenes.person import Layer, draw_person

# A scene is drawn again where its crowding or its number of people misses by more; few people are cheap.
_CLOSE_ENOUGH, _ATTEMPTS, _FEW = 0.15, 2, 4


@dataclass(frozen=True)
class Scene:
    """A drawn picture with its annotations.

    Attributes:
        picture: uint8 [H, W, 3] RGB.
        keypoints: float [P, J, 3] in pixels, flags 0 unlabelled, 1 hidden, 2 visible.
        boxes: float [P, 4] as x, y, width, height.
        masks: bool [P, H, W], the pixels that show each person.
        crowd_index: CrowdPose's.
    """

    picture: np.ndarray
    keypoints: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray
    crowd_index: float


def draw_scene(
    skeleton: Skeleton, settings: SceneSettings, even: np.ndarray, rng: np.random.Generator
) -> Scene:
    """Draws a scene; once more where people vanish behind others or the crowding is far from the wished one.

    Args:
        skeleton: COCO's or CrowdPose's.
        settings: size and filters.
        even: [4] numbers in 0..1 that cover a data set evenly.
        rng: everything else.
    """
    best: Scene | None = None
    least, correction, attempt = np.inf, 0.0, 0
    while True:
        attempt += 1
        layout = plan_layout(settings, skeleton.name == COCO.name, even, correction, rng)
        picture, owner, layers = _draw(layout, rng)
        labels = annotate(skeleton, layout, owner, layers, rng)
        scene = Scene(picture, *labels)
        attempts = _ATTEMPTS if layout.count > _FEW else 2 * _ATTEMPTS
        error = scene.crowd_index - layout.wished
        missed = abs(error) + abs(1 - len(scene.boxes) / layout.count)
        allowed = (
            0 < len(scene.boxes) <= settings.max_people and scene.crowd_index <= settings.max_crowd_index
        )
        if allowed and missed < least:
            best, least = scene, missed
        if best is not None and (least < _CLOSE_ENOUGH or attempt >= attempts):
            return best
        correction -= 0.8 * error


def _draw(layout: Layout, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Layer | None]]:
    width, height = layout.width, layout.height
    picture = scenery.background(width, height, layout.horizon, rng)
    owner = np.full((height, width), -1, np.int16)
    light = rng.normal(0, 1, 2) - [0, 1.5]
    light = light / np.hypot(*light)
    layers = []
    for number, person in enumerate(layout.people):
        layer = draw_person(person.body, sample_look(rng), light, (width, height), rng)
        layers.append(layer)
        if layer is None:
            continue
        region = _region(layer)
        blended = picture[region] * (1 - layer.alpha[..., None]) + layer.colour
        picture[region] = np.clip(blended, 0, 255).astype(np.uint8)
        owner[region][layer.parts > 0] = number
        lowest = person.body.joints[:, 1].max()
        if person.cropped and person.cut < min(height - 2, lowest):
            _hide_below(picture, owner, person, rng)
    for _ in range(rng.poisson(0.35)):
        scenery.clutter(picture, owner, rng)
    return scenery.photographed(picture, rng), owner, layers


def _hide_below(picture: np.ndarray, owner: np.ndarray, person: Placed, rng: np.random.Generator) -> None:
    """An object in front of a person's lower body."""
    points = np.concatenate([person.body.joints, person.body.toes])
    below = points[points[:, 1] > person.cut]
    margin = 0.12 * person.body.girth
    left, right = below[:, 0].min() - margin, below[:, 0].max() + margin
    extra = rng.uniform(0, 0.3, 2) * (right - left)
    bottom = points[:, 1].max() + rng.uniform(0.02, 0.3) * person.body.girth
    scenery.screen(picture, owner, (left - extra[0], right + extra[1]), (person.cut, bottom), rng)


def _region(layer: Layer) -> tuple[slice, slice]:
    rows, columns = layer.parts.shape
    return np.s_[layer.top : layer.top + rows, layer.left : layer.left + columns]
