"""Backgrounds and objects that hide people: rooms, streets, meadows; tables, hedges, poles, walls."""

from typing import Any

import cv2
import numpy as np

from scenes.looks import cloth_colour

_SHIFT = 4


def noise(height: int, width: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise float32 [height, width] in -1..1 with about so many cells along the longer side."""
    cells = max(2, min(cells, max(height, width)))
    rows = max(2, round(cells * height / max(height, width)))
    columns = max(2, round(cells * width / max(height, width)))
    grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


def fill(image: np.ndarray, points: np.ndarray, colour: np.ndarray) -> None:
    """Fills a polygon in an RGB uint8 picture, anti-aliased."""
    fixed = np.rint(points * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(image, [fixed], [float(c) for c in colour], cv2.LINE_AA, _SHIFT)


def _surface_colour(rng: np.random.Generator) -> np.ndarray:
    """Walls, floors and furniture are duller than clothes."""
    colour = cloth_colour(rng)
    return colour.mean() + rng.uniform(0.1, 0.55) * (colour - colour.mean()) + rng.normal(0, 1, 3) * [8, 4, 8]


def _rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def textured(height: int, width: int, base: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A surface of one material, uint8 [height, width, 3]: plain, mottled, planks, tiles, bricks, stripes."""
    relief = noise(height, width, int(rng.integers(3, 9)), rng) * rng.uniform(4, 22)
    relief = relief + noise(height, width, int(rng.integers(30, 120)), rng) * rng.uniform(0, 14)
    kind = rng.choice(["plain", "mottled", "planks", "tiles", "bricks", "stripes"])
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    # NumPy's number or a whole one, whichever is larger: their types decide how the pattern is rounded.
    period: Any = np.float32(rng.uniform(0.03, 0.16) * max(height, width))
    contrast = rng.uniform(-28, 28)
    if kind == "mottled":
        relief = relief + contrast * (noise(height, width, int(rng.integers(8, 40)), rng) > 0)
    elif kind == "planks":
        board = (columns // max(period, 4)).astype(int)
        relief = (
            relief + rng.uniform(-14, 14, board.max() + 1)[board] - 25 * (np.mod(columns, max(period, 4)) < 1)
        )
    elif kind == "tiles":
        seams = (np.mod(rows, max(period, 5)) < 1) | (np.mod(columns, max(period, 5)) < 1)
        relief = relief + contrast * seams
    elif kind == "bricks":
        tall = max(period * 0.45, 4)
        course = (rows // tall).astype(int)
        shifted = columns + (course % 2) * tall * 1.2
        brick = (shifted // (2.4 * tall)).astype(int)
        tone = rng.uniform(-16, 16, (course.max() + 1, brick.max() + 1))[course, brick]
        seams = (np.mod(rows, tall) < 1) | (np.mod(shifted, 2.4 * tall) < 1)
        relief = relief + np.where(seams, 26, tone)
    elif kind == "stripes":
        relief = relief + contrast * (np.mod(columns + rng.uniform(-1, 1) * rows, period) < period / 2)
    relief = np.broadcast_to(relief, (height, width)).astype(np.float32)
    # OpenCV takes numbers too.
    return cv2.merge([cv2.add(relief, float(tone), dtype=cv2.CV_8U) for tone in base])  # type: ignore[call-overload]


def background(width: int, height: int, horizon: float, rng: np.random.Generator) -> np.ndarray:
    """A picture without people, uint8 [height, width, 3]."""
    edge = int(np.clip(horizon + rng.uniform(0, 0.2) * height, 2, height - 2))
    picture: np.ndarray = np.empty((height, width, 3), np.uint8)
    outdoors = rng.random() < 0.5
    if outdoors:
        sky = rng.uniform(140, 235) + rng.uniform(0, 1) * np.array([-45.0, -8, 45]) + rng.normal(0, 4, 3)
        fade = np.linspace(rng.uniform(0.6, 0.9), 1, edge)[:, None, None]
        clouds = noise(edge, width, int(rng.integers(3, 10)), rng)[..., None] * rng.uniform(0, 22)
        picture[:edge] = np.clip(sky * fade + clouds, 0, 255)
        ground = rng.choice(
            np.array([[96, 118, 62], [150, 138, 112], [112, 112, 114], [196, 180, 140], [230, 232, 238]])
        )
    else:
        picture[:edge] = textured(edge, width, _surface_colour(rng) * 0.7 + 60, rng)
        ground = _surface_colour(rng) * 0.6 + 45
    floor = textured(height - edge, width, ground + rng.normal(0, 14, 3), rng)
    picture[edge:] = floor
    for _ in range(rng.integers(2, 9)):
        _furnish(picture, edge, outdoors, rng)
    if rng.random() < 0.7:  # out of focus
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 0.014 * height))
    return picture


def _furnish(picture: np.ndarray, edge: int, outdoors: bool, rng: np.random.Generator) -> None:
    """One thing in the distance."""
    height, width = picture.shape[:2]
    x, wide = rng.uniform(-0.1, 1) * width, rng.uniform(0.04, 0.35) * width
    foot, tall = edge + rng.uniform(-0.02, 0.15) * height, rng.uniform(0.1, 0.6) * height
    colour = _surface_colour(rng) * 0.8 + 25
    kind = rng.choice(["block", "tree", "pole", "window", "blob", "sign"])
    if kind == "tree" and outdoors:
        fill(picture, _rectangle(x - 0.04 * wide, foot - tall, x + 0.04 * wide, foot), np.array([70, 52, 40]))
        leaves(picture, None, np.array([x, foot - tall]), 0.5 * wide, rng)
    elif kind == "pole":
        thin = 0.03 * wide + 1
        fill(picture, _rectangle(x - thin, foot - 1.5 * tall, x + thin, foot), colour)
    elif kind == "window":
        top = max(edge - 1.5 * tall, 0)
        fill(picture, _rectangle(x, top, x + wide, top + 0.8 * tall), colour)
        fill(
            picture, _rectangle(x + 2, top + 2, x + wide - 2, top + 0.8 * tall - 2), np.array([190, 205, 220])
        )
    elif kind == "blob":
        centre = np.array([x, foot - 0.4 * tall])
        around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        radius = (0.3 * wide * rng.uniform(0.6, 1.3, 16))[:, None]
        fill(picture, centre + radius * np.stack([np.cos(around), np.sin(around)], 1), colour)
    else:
        fill(picture, _rectangle(x, foot - tall, x + wide, foot), colour)
        rows = rng.integers(0, 5)
        for row in range(rows):
            level = foot - tall * (row + 0.5) / rows
            fill(picture, _rectangle(x, level, x + wide, level + 2), colour * rng.uniform(0.6, 1.2))


def leaves(
    picture: np.ndarray, owner: np.ndarray | None, centre: np.ndarray, radius: float, rng: np.random.Generator
) -> None:
    """Foliage: many small patches of green; marks its pixels in `owner` as an object's."""
    base = np.array([rng.uniform(40, 100), rng.uniform(80, 140), rng.uniform(30, 70)])
    count = int(np.clip(radius * 2, 12, 70))
    spots = centre + rng.normal(0, 0.45, (count, 2)) * radius
    sizes = radius * rng.uniform(0.1, 0.3, count)
    around = np.arange(7) / 3.5 * np.pi
    for spot, size, tone in zip(spots, sizes, rng.uniform(0.6, 1.25, count), strict=True):
        points = spot + size * np.stack([np.cos(around), np.sin(around)], 1)
        fill(picture, points, np.clip(base * tone, 0, 255))
        if owner is not None:
            mark(owner, points)


OBJECT = -2  # owner of pixels that show an object in front of people


def mark(owner: np.ndarray, points: np.ndarray) -> None:
    """Gives a polygon's pixels to an object."""
    cv2.fillPoly(owner, [np.rint(points * 2**_SHIFT).astype(np.int32)], OBJECT, cv2.LINE_8, _SHIFT)


def _solid(
    picture: np.ndarray, owner: np.ndarray, points: np.ndarray, base: np.ndarray, rng: np.random.Generator
) -> None:
    """An object of one material."""
    height, width = owner.shape
    low = np.clip(np.floor(points.min(0)).astype(int) - 1, 0, [width, height])
    high = np.clip(np.ceil(points.max(0)).astype(int) + 2, 0, [width, height])
    if (high <= low).any():
        return
    region = np.s_[low[1] : high[1], low[0] : high[0]]
    cover = np.zeros((*(high - low)[::-1], 1), np.uint8)
    fill_points = np.rint((points - low) * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(cover, [fill_points], 255, cv2.LINE_AA, _SHIFT)
    share = cover.astype(np.float32) / 255
    patch = textured(share.shape[0], share.shape[1], base, rng)
    picture[region] = (picture[region] * (1 - share) + patch * share).astype(np.uint8)
    mark(owner, points)


def screen(
    picture: np.ndarray, owner: np.ndarray, columns: tuple[float, float], rows: tuple[float, float],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """An object that hides what lies below a row: table, counter, wall, hedge, fence, car, crate."""
    height, width = owner.shape
    (left, right), (top, bottom) = columns, rows
    if bottom > 0.8 * height:
        bottom = height + 2.0
        if rng.random() < 0.4:
            left, right = left - rng.uniform(0, 0.5) * width, right + rng.uniform(0, 0.5) * width
    base = np.clip(_surface_colour(rng) * 0.8 + 20, 0, 255)
    kind = rng.choice(["slab", "hedge", "round", "slanted"])
    outline = _rectangle(left, top, right, bottom)
    if kind == "round":
        bulge = min(0.12 * (right - left), 0.5 * (bottom - top))
        outline = np.array(
            [
                [left, bottom],
                [left, top + bulge],
                [left + bulge, top],
                [right - bulge, top],
                [right, top + bulge],
                [right, bottom],
            ]
        )
    elif kind == "slanted":
        outline = outline + np.array([[0, 0], [0, 0], [0.1, 0], [-0.1, 0]]) * (right - left)
    _solid(picture, owner, outline, base, rng)
    if kind == "slab":
        thick = max(1.5, 0.05 * (bottom - top))
        edge = _rectangle(left - thick, top, right + thick, top + thick)
        fill(picture, edge, np.clip(base * 1.3, 0, 255))
        mark(owner, edge)
    elif kind == "hedge":
        size = max(0.06 * (right - left), 2.0)
        for x in np.arange(left, right, 2.5 * size):
            leaves(picture, owner, np.array([x, top + size]), size, rng)


def clutter(picture: np.ndarray, owner: np.ndarray, rng: np.random.Generator) -> None:
    """One thing somewhere in front: a pole, a bar, a branch with leaves, a board."""
    height, width = owner.shape
    kind = rng.choice(["pole", "bar", "branch", "board"])
    colour = np.clip(cloth_colour(rng) * 0.8 + 15, 0, 255)
    x, y = rng.uniform(0, width), rng.uniform(0.2, 0.95) * height
    thick = rng.uniform(0.004, 0.02) * height + 0.5
    if kind == "pole":
        lean = rng.normal(0, 0.02) * width
        points = np.array(
            [[x - thick, -1], [x + thick, -1], [x + lean + thick, height], [x + lean - thick, height]]
        )
    elif kind == "bar":
        points = np.array([[-1, y - thick], [width, y - thick], [width, y + thick], [-1, y + thick]])
    elif kind == "branch":
        corner = np.array([rng.choice([0, width]), rng.uniform(0, 0.9) * height])
        leaves(picture, owner, corner, rng.uniform(0.08, 0.2) * height, rng)
        return
    else:
        wide, tall = rng.uniform(0.05, 0.16, 2) * height
        points = _rectangle(x - wide, y - tall, x + wide, y + tall) @ np.array([[1, 0.1], [-0.1, 1]])
    _solid(picture, owner, points, colour, rng)


def photographed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, colour cast, focus and sensor noise of a photograph."""
    height, width = picture.shape[:2]
    gain = rng.uniform(0.75, 1.15) * (1 + rng.normal(0, 0.05, 3))
    gamma = rng.uniform(0.8, 1.3)
    curve = np.clip(255 * (np.arange(256)[:, None] / 255) ** gamma * gain, 0, 255).astype(np.uint8)
    picture = cv2.LUT(picture, curve[:, None])
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.9))
    flaws = np.float32(rng.uniform(0, 6)) * rng.standard_normal((height, width), np.float32)
    flaws += noise(height, width, 2, rng) * rng.uniform(0, 22)
    return cv2.add(picture, cv2.merge([flaws] * 3), dtype=cv2.CV_8U)
