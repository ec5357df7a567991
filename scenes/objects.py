"""Drawn objects and creatures of ten classes, for image classification."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from litepose.core.errors import InputError
from scenes import scenery
from scenes.body import build_body
from scenes.files import image_rng, parallel, save_picture
from scenes.looks import cloth_colour, sample_look
from scenes.person import draw_person
from scenes.poses import sample_poses

_QUALITY = 90


class _Brush:
    """Draws in an object's own frame: x to the right, y down, about -1 to 1."""

    def __init__(self, picture: np.ndarray, rng: np.random.Generator) -> None:
        self.picture, self.rng = picture, rng
        size = picture.shape[0]
        scale, angle = rng.uniform(0.2, 0.46) * size, rng.normal(0, 0.22)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        stretch = np.diag([rng.choice([-1, 1]) * rng.uniform(0.75, 1.2), rng.uniform(0.8, 1.15)])
        self.frame = scale * stretch @ turn @ np.array([[1, rng.normal(0, 0.08)], [0, 1]])
        self.offset = size * rng.uniform(0.32, 0.68, 2)
        self.light = rng.uniform(0.65, 0.9)

    def polygon(self, points: object, colour: np.ndarray) -> None:
        """A filled polygon, darker towards its lower edge."""
        points = np.asarray(points, float)
        scenery.fill(self.picture, points @ self.frame + self.offset, np.clip(colour * self.light, 0, 255))
        middle = points.mean(0)
        inner = middle + (points - middle) * 0.82 - [0.0, 0.03]
        scenery.fill(self.picture, inner @ self.frame + self.offset, np.clip(colour, 0, 255))

    def ellipse(self, x: float, y: float, half_width: float, half_height: float, colour: np.ndarray) -> None:
        """A filled ellipse."""
        around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        circle = np.stack([np.cos(around) * half_width, np.sin(around) * half_height], 1)
        self.polygon(circle + np.array([x, y]), colour)

    def limb(self, points: object, width: float, colour: np.ndarray) -> None:
        """A bent line with a width."""
        points = np.asarray(points, float)
        for a, b in pairwise(points):
            along = (b - a) / max(np.hypot(*(b - a)), 1e-6)
            side = 0.5 * width * np.array([-along[1], along[0]])
            end = 0.3 * width * along
            self.polygon([a - end + side, b + end + side, b + end - side, a - end - side], colour)

    def jitter(self, amount: float) -> float:
        """A number around zero."""
        return float(self.rng.normal(0, amount))

    def colour(self) -> np.ndarray:
        """A colour of things."""
        return cloth_colour(self.rng)


def _person(brush: _Brush) -> None:
    rng, size = brush.rng, brush.picture.shape[0]
    body = build_body(sample_poses(rng, 1)[0], rng)
    scale = size * rng.uniform(0.35, 0.6)
    middle = (body.joints.min(0) + body.joints.max(0)) / 2
    body = body.placed(scale, brush.offset - scale * middle)
    light = np.array([0.6 * rng.choice([-1, 1]), -0.8])
    layer = draw_person(body, sample_look(rng), light, (size, size), rng)
    if layer is not None:
        rows, columns = layer.alpha.shape
        region = brush.picture[layer.top : layer.top + rows, layer.left : layer.left + columns]
        region[:] = np.clip(region * (1 - layer.alpha[..., None]) + layer.colour, 0, 255)


def _quadruped(brush: _Brush) -> None:
    fur = brush.colour() * 0.5 + [70, 50, 30]
    length, leg = 0.55 + abs(brush.jitter(0.12)), 0.5 + brush.jitter(0.1)
    width, tall = 0.12 + abs(brush.jitter(0.05)), 0.26 + abs(brush.jitter(0.06))
    brush.limb([[-length, -0.1], [-length - 0.25, brush.jitter(0.25)]], 0.07, fur)
    for shift, tone in ((0.07, 0.75), (-0.05, 1.0)):
        for x in (-length * 0.75, length * 0.75):
            swing = brush.jitter(0.12)
            brush.limb(
                [
                    [x + shift, 0.1],
                    [x + shift + swing, 0.1 + leg * 0.5],
                    [x + shift + 0.5 * swing, 0.1 + leg],
                ],
                width,
                fur * tone,
            )
    brush.ellipse(0, 0, length, tall, fur)
    rise = 0.25 + brush.jitter(0.15)
    brush.limb([[length * 0.7, -0.1], [length + 0.15, -0.1 - rise]], 0.24, fur)
    brush.ellipse(length + 0.25, -0.15 - rise, 0.23, 0.15, fur)
    for x in (0.12, 0.24):
        brush.polygon(
            np.array([[x - 0.05, -0.26], [x + 0.06, -0.26], [x, -0.44 - abs(brush.jitter(0.08))]])
            + np.array([length, -rise]),
            fur * 0.8,
        )
    brush.ellipse(length + 0.3, -0.19 - rise, 0.025, 0.025, np.zeros(3))


def _bird(brush: _Brush) -> None:
    body, wing = brush.colour(), brush.colour()
    legs = np.array([190.0, 130, 50])
    for x in (-0.05, 0.1):
        brush.limb([[x, 0.2], [x + 0.03, 0.6]], 0.04, legs)
        brush.limb([[x + 0.03, 0.6], [x + 0.15, 0.62]], 0.04, legs)
    brush.polygon(
        [[-0.35, -0.05], [-0.95, 0.1 + brush.jitter(0.15)], [-0.9, 0.3 + brush.jitter(0.1)], [-0.3, 0.2]],
        wing,
    )
    brush.ellipse(0, 0, 0.48, 0.28 + abs(brush.jitter(0.05)), body)
    brush.ellipse(0.45, -0.28, 0.2, 0.19, body)
    brush.polygon([[0.6, -0.34], [0.85 + abs(brush.jitter(0.1)), -0.26], [0.6, -0.2]], legs)
    lift = brush.rng.uniform(-0.9, 0.3)
    brush.polygon([[-0.3, -0.05], [0.2, -0.1], [-0.1 + brush.jitter(0.1), lift], [-0.45, 0.5 * lift]], wing)
    brush.ellipse(0.5, -0.32, 0.035, 0.035, np.zeros(3))


def _fish(brush: _Brush) -> None:
    scales, fin = brush.colour(), brush.colour()
    tall = 0.26 + abs(brush.jitter(0.1))
    brush.polygon(
        [[-0.5, 0], [-0.95, -0.35 + brush.jitter(0.06)], [-0.82, 0], [-0.95, 0.35 + brush.jitter(0.06)]], fin
    )
    brush.polygon([[-0.25, -0.8 * tall], [0.1 + brush.jitter(0.1), -tall - 0.25], [0.3, -0.8 * tall]], fin)
    brush.ellipse(0, 0, 0.62, tall, scales)
    for x in np.linspace(-0.3, 0.2, brush.rng.integers(0, 4)):
        brush.limb([[x, -0.7 * tall], [x + 0.05, 0.7 * tall]], 0.06, fin)
    brush.polygon([[0.05, 0.05], [-0.15, 0.25], [0.15, 0.15]], fin)
    brush.ellipse(0.4, -0.07, 0.06, 0.06, np.full(3, 240.0))
    brush.ellipse(0.41, -0.07, 0.03, 0.03, np.zeros(3))


def _tree(brush: _Brush) -> None:
    trunk = np.array([95.0, 70, 45]) * brush.rng.uniform(0.6, 1.4)
    wide = 0.07 + abs(brush.jitter(0.05))
    brush.limb([[0, 0.95], [brush.jitter(0.08), -0.1]], 2 * wide, trunk)
    kind = brush.rng.integers(3)
    green = np.array([60.0, 110, 50]) * brush.rng.uniform(0.6, 1.4) + brush.rng.uniform(0, 50, 3)
    if kind == 0:
        for level in range(brush.rng.integers(2, 5)):
            top = -1 + 0.35 * level
            brush.polygon(
                [[0, top], [0.35 + 0.1 * level, top + 0.6], [-0.35 - 0.1 * level, top + 0.6]], green
            )
    elif kind == 1:
        for _ in range(brush.rng.integers(4, 9)):
            brush.ellipse(
                brush.jitter(0.25), -0.4 + brush.jitter(0.2), 0.3, 0.26, green * brush.rng.uniform(0.8, 1.2)
            )
    else:
        for angle in np.linspace(-1.2, 1.2, 6):
            middle = [0.4 * np.sin(angle), -0.15 - 0.4 * np.cos(angle)]
            brush.limb([[0, -0.1], middle, [0.75 * np.sin(angle), -0.1 - 0.7 * np.cos(angle)]], 0.06, trunk)
            if brush.rng.random() < 0.6:
                brush.ellipse(0.6 * np.sin(angle), -0.1 - 0.6 * np.cos(angle), 0.14, 0.12, green)


def _car(brush: _Brush) -> None:
    paint, glass = brush.colour(), np.array([150.0, 180, 200])
    roof, nose = -0.42 + brush.jitter(0.08), 0.9 + brush.jitter(0.05)
    back = -0.55 + brush.jitter(0.12)
    brush.polygon([[back, -0.1], [back + 0.2, roof], [0.2, roof], [0.5, -0.1]], paint)
    brush.polygon(
        [[back + 0.1, -0.12], [back + 0.24, roof + 0.07], [-0.1, roof + 0.07], [-0.1, -0.12]], glass
    )
    brush.polygon([[-0.03, -0.12], [-0.03, roof + 0.07], [0.18, roof + 0.07], [0.4, -0.12]], glass)
    brush.polygon([[-0.9, -0.1], [nose - 0.15, -0.1], [nose, 0.05], [nose, 0.25], [-0.92, 0.25]], paint)
    for x in (-0.5, 0.5):
        brush.ellipse(x, 0.27, 0.19, 0.19, np.full(3, 30.0))
        brush.ellipse(x, 0.27, 0.09, 0.09, np.full(3, 170.0))
    brush.ellipse(nose - 0.06, 0.08, 0.05, 0.05, np.array([250.0, 240, 180]))


def _chair(brush: _Brush) -> None:
    wood = brush.colour()
    depth, slant = 0.25 + abs(brush.jitter(0.06)), brush.jitter(0.06)
    for x, y, tone in ((-0.4 + depth, -0.12, 0.7), (0.4 + depth, -0.12, 0.7)):
        brush.limb([[x, y], [x, 0.65]], 0.07, wood * tone)
    back = np.array(
        [
            [-0.4 + depth, -0.12],
            [0.4 + depth, -0.12],
            [0.4 + depth + slant, -0.9],
            [-0.4 + depth + slant, -0.9],
        ]
    )
    if brush.rng.random() < 0.5:
        brush.polygon(back, wood * 0.85)
    else:
        for x in np.linspace(-0.4, 0.4, brush.rng.integers(2, 6)) + depth:
            brush.limb([[x, -0.1], [x + slant, -0.9]], 0.06, wood * 0.85)
        brush.limb([back[3], back[2]], 0.1, wood)
    for x in (-0.45, 0.36):
        brush.limb([[x, 0.12], [x, 0.9]], 0.07, wood)
    brush.polygon([[-0.5, 0.12], [0.4, 0.12], [0.42 + depth, -0.14], [-0.42 + depth, -0.14]], wood * 1.1)


def _cup(brush: _Brush) -> None:
    clay = brush.colour()
    top, bottom = 0.42 + brush.jitter(0.05), 0.3 + brush.jitter(0.08)
    around = np.linspace(-1.4, 1.4, 9)
    ring = np.stack([0.36 + 0.36 * np.cos(around), 0.05 + 0.34 * np.sin(around)], 1)
    brush.limb(ring, 0.1, clay * 0.85)
    brush.polygon(
        [
            [-top, -0.5],
            [top, -0.5],
            [bottom, 0.58],
            [0.5 * bottom, 0.66],
            [-0.5 * bottom, 0.66],
            [-bottom, 0.58],
        ],
        clay,
    )
    if brush.rng.random() < 0.5:
        band = brush.rng.uniform(-0.3, 0.3)
        brush.polygon(
            [[-0.38, band], [0.38, band], [0.36, band + 0.18], [-0.36, band + 0.18]], brush.colour()
        )
    brush.ellipse(0, -0.5, top, 0.12, clay * 1.1)
    brush.ellipse(
        0, -0.49, 0.85 * top, 0.085, np.array([70.0, 45, 30]) if brush.rng.random() < 0.6 else clay * 0.6
    )


def _house(brush: _Brush) -> None:
    wall, roof = brush.colour() * 0.6 + 70, brush.colour() * 0.7
    tall, wide = 0.3 + abs(brush.jitter(0.2)), 0.6 + brush.jitter(0.1)
    if brush.rng.random() < 0.6:
        brush.limb([[0.5 * wide, -tall - 0.1], [0.5 * wide, -tall - 0.55]], 0.14, roof * 0.8)
    brush.polygon([[-wide, -tall], [wide, -tall], [wide, 0.6], [-wide, 0.6]], wall)
    brush.polygon(
        [
            [-wide - 0.15, -tall],
            [wide + 0.15, -tall],
            [brush.jitter(0.25), -tall - 0.55 - abs(brush.jitter(0.1))],
        ],
        roof,
    )
    door = brush.rng.uniform(-0.5, 0.5) * wide
    brush.polygon(
        [[door - 0.1, 0.15], [door + 0.1, 0.15], [door + 0.1, 0.6], [door - 0.1, 0.6]], brush.colour() * 0.6
    )
    for x in np.linspace(-0.65, 0.65, brush.rng.integers(1, 4)) * wide:
        brush.polygon(
            np.array([[-0.1, -0.1], [0.1, -0.1], [0.1, 0.1], [-0.1, 0.1]]) + np.array([x, -tall + 0.25]),
            np.array([190.0, 210, 225]),
        )


def _flower(brush: _Brush) -> None:
    stem, petal = np.array([60.0, 125, 55]) * brush.rng.uniform(0.7, 1.3), brush.colour()
    bend = brush.jitter(0.12)
    brush.limb([[0, 0.95], [bend, 0.4], [0, -0.2]], 0.06, stem)
    for side in (-1, 1):
        y = brush.rng.uniform(0.3, 0.75)
        brush.polygon([[0, y], [0.25 * side, y - 0.2], [0.45 * side, y - 0.15], [0.25 * side, y]], stem)
    count, long = int(brush.rng.integers(5, 13)), brush.rng.uniform(0.3, 0.5)
    around = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    outline = np.stack(
        [0.55 * long * (1 + np.cos(around)), np.sin(around) * min(1.6 * long / count * 1.6, 0.17)], 1
    )
    for angle in np.arange(count) * 2 * np.pi / count + brush.jitter(1):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        brush.polygon(outline @ turn + [0, -0.35], petal * brush.rng.uniform(0.85, 1.1))
    brush.ellipse(0, -0.35, 0.14, 0.14, brush.colour())


CLASSES: dict[str, Callable[[_Brush], None]] = {
    "bird": _bird,
    "car": _car,
    "chair": _chair,
    "cup": _cup,
    "fish": _fish,
    "flower": _flower,
    "house": _house,
    "person": _person,
    "quadruped": _quadruped,
    "tree": _tree,
}


def draw_object(name: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """A picture of one class, uint8 [size, size, 3] RGB: object, background, clutter, a camera's flaws."""
    picture = scenery.background(size, size, size * rng.uniform(0.2, 0.7), rng)
    CLASSES[name](_Brush(picture, rng))
    owner = np.zeros((size, size), np.int16)
    for _ in range(rng.poisson(0.6)):
        scenery.clutter(picture, owner, rng)
    return scenery.photographed(picture, rng)


@dataclass(frozen=True)
class _Job:
    path: Path
    name: str
    size: int
    seed: int
    split: str
    index: int


def _write_object(job: _Job) -> None:
    cv2.setNumThreads(1)
    save_picture(
        job.path, draw_object(job.name, job.size, image_rng(job.seed, job.split, job.index)), _QUALITY
    )


def write_classification(
    root: Path, splits: dict[str, int], size: int, seed: int, workers: int | None = None
) -> None:
    """Draws class folders ``root/<split>/<class>/*.jpg``, ten classes in turn.

    The same seed gives the same bytes, whatever the number of workers.

    Args:
        root: directory to write to; made where it does not exist.
        splits: images per split, over all classes.
        size: pixels of a picture's side.
        seed: of the whole data set.
        workers: processes; by default one per core.

    Raises:
        InputError: a split with fewer images than classes.
    """
    names = tuple(CLASSES)
    jobs = []
    for split, count in splits.items():
        if count < len(names):
            raise InputError(
                f"The split {split} asks for {count} images: ask for at least {len(names)}, one per class."
            )
        for name in names:
            (root / split / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            name = names[index % len(names)]
            path = root / split / name / f"{index:06d}.jpg"
            jobs.append(_Job(path, name, size, seed, f"classification {split}", index))
    parallel(_write_object, jobs, workers, "draw objects")
