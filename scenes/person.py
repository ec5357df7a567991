"""Draws one person: tapered limbs, clothes, a head with hair and face, in the order of their depth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from scenes.body import NECK, Body
from scenes.looks import Look
from scenes.parts import Part

_FINE = 2  # people are drawn at this multiple of the picture's resolution and averaged down
_SHIFT = 4  # fractional bits of polygon corners
_ARC = np.stack([np.cos(np.linspace(0.5, 1.5, 8) * np.pi), np.sin(np.linspace(0.5, 1.5, 8) * np.pi)], 1)
_CIRCLE = np.stack([np.cos(np.arange(14) / 7 * np.pi), np.sin(np.arange(14) / 7 * np.pi)], 1)
_DARK, _MIDDLE, _BRIGHT = 150, 205, 240  # shade of a limb's rim, of most of it, and of its lit side


@dataclass(frozen=True)
class Layer:
    """A drawn person, cut to the picture.

    Attributes:
        left, top: of the layer in the picture.
        colour: float32 [h, w, 3], multiplied by alpha.
        alpha: float32 [h, w].
        parts: uint8 [h, w], `Part` codes.
    """

    left: int
    top: int
    colour: np.ndarray
    alpha: np.ndarray
    parts: np.ndarray


def draw_person(
    body: Body, look: Look, light: np.ndarray, size: tuple[int, int], rng: np.random.Generator
) -> Layer | None:
    """Draws a body in pixels.

    Args:
        body: in the picture's pixels; whole numbers are pixel centres.
        look: the appearance.
        light: [2] unit vector towards the light.
        size: width and height of the picture.
        rng: order of limbs where the pose leaves it open.

    Returns:
        The layer, or None where nothing of the person is inside the picture.
    """
    points = np.concatenate([body.joints, body.toes, body.head_centre[None]])
    margin = 0.16 * body.girth + 2
    low = np.clip(np.floor(points.min(0) - margin), 0, size).astype(int)
    high = np.clip(np.ceil(points.max(0) + margin), 0, size).astype(int)
    if (high - low < 1).any():
        return None
    sketch = _Sketch(low, high - low, light, body, look)
    sketch.draw(rng)
    return sketch.layer()


class _Sketch:
    """Part codes and shades of one person at fine resolution."""

    def __init__(
        self, corner: np.ndarray, size: np.ndarray, light: np.ndarray, body: Body, look: Look
    ) -> None:
        shape = (int(size[1]) * _FINE, int(size[0]) * _FINE)
        self.corner, self.size, self.light, self.look = corner, size, light, look
        self.limbs: list[tuple[int, np.ndarray, np.ndarray, float, float]] = []
        self.parts = np.zeros(shape, np.uint8)
        self.shade = np.full(shape, _MIDDLE, np.uint8)
        # Pixel centres are whole numbers in the picture and on the fine grid.
        self.body = body.placed(_FINE, (0.5 - corner) * _FINE - 0.5)
        self.unit = self.body.girth * look.build**0.5
        joints = self.body.joints
        self.middle = joints[6:8].mean(0)
        up = joints[NECK] - self.middle
        self.up = up / max(np.hypot(*up), 1e-3)
        self.across = np.array([-self.up[1], self.up[0]])

    def polygon(self, part: int, points: np.ndarray, shade: int | None = _MIDDLE) -> None:
        """Fills a polygon; no shade keeps the shade that is there."""
        self.flush()
        fixed = np.rint(points * 2**_SHIFT).astype(np.int32)
        cv2.fillPoly(self.parts, [fixed], int(part), cv2.LINE_8, _SHIFT)
        if shade is not None:
            cv2.fillPoly(self.shade, [fixed], shade, cv2.LINE_8, _SHIFT)

    def shaded(self, points: np.ndarray, shade: int) -> None:
        """Changes only the shade."""
        cv2.fillPoly(self.shade, [np.rint(points * 2**_SHIFT).astype(np.int32)], shade, cv2.LINE_8, _SHIFT)

    def capsule(self, part: int, a: np.ndarray, b: np.ndarray, radius_a: float, radius_b: float) -> None:
        """A limb from a to b, darker at its rim; drawn with the next `flush`."""
        self.limbs.append((int(part), a, b, radius_a, radius_b))

    def flush(self) -> None:
        """Draws the waiting limbs: outline, most of it brighter, the lit side brightest."""
        if not self.limbs:
            return
        parts, starts, ends, radii_a, radii_b = zip(*self.limbs, strict=True)
        self.limbs.clear()
        a, b = np.array(starts), np.array(ends)
        radii = np.array([radii_a, radii_b]) * self.unit
        along = b - a
        along /= np.maximum(np.sqrt((along**2).sum(1)), 1e-3)[:, None]
        turned = np.stack([along, along[:, ::-1] * [-1, 1]], 1)  # [limbs, 2, 2] for row vectors
        back = _ARC @ turned
        shares = np.array([1, 0.72, 0.36])[:, None, None, None]
        lit = np.array([0, 0.18, 0.36])[:, None, None, None] * radii.min(0)[:, None, None] * self.light
        rim_a = a[:, None] + lit + shares * radii[0][:, None, None] * back
        rim_b = b[:, None] + lit - shares * radii[1][:, None, None] * back
        outlines = np.rint(np.concatenate([rim_a, rim_b], 2) * 2**_SHIFT).astype(np.int32)
        for row, part in enumerate(parts):
            cv2.fillPoly(self.parts, [outlines[0, row]], part, cv2.LINE_8, _SHIFT)
            cv2.fillPoly(self.shade, [outlines[0, row]], _DARK, cv2.LINE_8, _SHIFT)
            cv2.fillPoly(self.shade, [outlines[1, row]], _MIDDLE, cv2.LINE_8, _SHIFT)
            cv2.fillPoly(self.shade, [outlines[2, row]], _BRIGHT, cv2.LINE_8, _SHIFT)

    def hull(self, part: int, centres: np.ndarray, radii: np.ndarray | Sequence[float]) -> None:
        """The convex hull of circles, darker at its rim."""
        lengths = np.asarray(radii) * self.unit
        discs = (centres[:, None] + lengths[:, None, None] * _CIRCLE).reshape(-1, 2).astype(np.float32)
        hull = cv2.convexHull(discs)[:, 0]
        self.polygon(part, hull, _DARK)
        middle = hull.sum(0) / len(hull)
        rim = max(1 - 0.036 * self.unit / max(math.sqrt(cv2.contourArea(hull)), 1e-3), 0.3)
        lit = self.light * 0.012 * self.unit
        self.shaded(middle + (hull - middle) * rim + lit, _MIDDLE)
        self.shaded(middle + (hull - middle) * max(rim - 0.3, 0.2) + 3 * lit, _BRIGHT)

    def draw(self, rng: np.random.Generator) -> None:
        """All parts from back to front."""
        body, look = self.body, self.look
        near, far = body.near_side, 1 - body.near_side
        sideways, facing = abs(np.sin(body.yaw)), np.cos(body.yaw)
        arms = [far, near]
        behind = [self._arm_is_behind(side, sideways, facing, rng) for side in arms]
        if look.long_hair and np.cos(body.head_yaw) > -0.2:
            self._long_hair()
        if look.backpack and facing > -0.3:
            self._backpack()
        for side, hidden in zip(arms, behind, strict=True):
            if hidden:
                self._arm(side)
        for side in (far, near):
            self._leg(side)
        self._hips()
        if facing > -0.2:
            self._neck()
        self._torso()
        if facing > 0.15:
            self._shirt_front()
        if facing <= -0.2:
            self._neck()
        if look.backpack and facing <= -0.3:
            self._backpack()
        self._head()
        if look.long_hair and np.cos(body.head_yaw) <= -0.2:
            self._long_hair()
        for side, hidden in zip(arms, behind, strict=True):
            if not hidden:
                self._arm(side)
        self.flush()

    def _arm_is_behind(self, side: int, sideways: float, facing: float, rng: np.random.Generator) -> bool:
        if sideways > 0.75:
            return side != self.body.near_side
        if facing > 0:
            return rng.random() < 0.12
        half = 0.5 * abs((self.body.joints[0] - self.body.joints[1]) @ self.across)
        wrist = self.body.joints[4 + side] - self.middle
        return bool(abs(wrist @ self.across) < half and rng.random() < 0.85)

    def _arm(self, side: int) -> None:
        shoulder, elbow, wrist = self.body.joints[[side, 2 + side, 4 + side]]
        thick, sleeves = self.look.build, self.look.sleeves
        self.capsule(Part.UPPER_ARM + side, shoulder, elbow, 0.042 * thick, 0.032 * thick)
        hand = wrist + _towards(elbow, wrist, 0.055 * self.unit)
        self.capsule(Part.HAND + side, wrist, hand, 0.022, 0.026)
        self.capsule(Part.FOREARM + side, elbow, wrist, 0.033 * thick, 0.022)
        if sleeves > 1:
            end = elbow + (sleeves - 1) * 0.97 * (wrist - elbow)
            self.capsule(Part.LOWER_SLEEVE + side, elbow, end, 0.040 * thick, 0.034)
        if sleeves > 0:
            share = min(sleeves, 1.0)
            end = shoulder + share * (elbow - shoulder)
            self.capsule(Part.SLEEVE + side, shoulder, end, 0.05 * thick, (0.05 - 0.01 * share) * thick)

    def _leg(self, side: int) -> None:
        hip, knee, ankle = self.body.joints[[6 + side, 8 + side, 10 + side]]
        toe = self.body.toes[side]
        thick, covered = self.look.build, self.look.legs
        self.capsule(Part.SHIN + side, knee, ankle, 0.046 * thick, 0.028)
        heel = ankle + _towards(toe, ankle, 0.03 * self.unit) + _towards(knee, ankle, 0.025 * self.unit)
        ball = toe + _towards(knee, ankle, 0.025 * self.unit)
        self.capsule(Part.SOLE, heel + 0.006 * self.unit, ball + 0.006 * self.unit, 0.03, 0.024)
        self.capsule(Part.SHOE + side, heel, ball, 0.032, 0.024)
        self.capsule(Part.SHOE + side, ankle, heel, 0.03, 0.03)
        if covered > 1:
            end = knee + (covered - 1) * 0.93 * (ankle - knee)
            self.capsule(Part.LOWER_TROUSER + side, knee, end, 0.053 * thick, 0.042 * thick)
        self.capsule(Part.THIGH + side, hip, knee, 0.072 * thick, 0.048 * thick)
        if covered > 0:
            share = min(covered, 1.0)
            end = hip + share * (knee - hip)
            self.capsule(Part.TROUSER + side, hip, end, 0.078 * thick, (0.078 - 0.025 * share) * thick)

    def _hips(self) -> None:
        hips, thick = self.body.joints[6:8], self.look.build
        self.hull(
            Part.PELVIS,
            np.concatenate([hips, self.middle[None] + 0.06 * self.unit * self.up]),
            [0.07 * thick] * 3,
        )
        if self.look.skirt:
            thighs = self.body.joints[8:10] - hips
            hem = hips + thighs * min(self.look.skirt, 1)
            if self.look.skirt > 1:
                hem = hem + (self.look.skirt - 1) * (self.body.joints[10:12] - self.body.joints[8:10])
            self.hull(Part.SKIRT, np.concatenate([hips, hem]), [0.07 * thick] * 2 + [0.085 * thick] * 2)

    def _neck(self) -> None:
        joints = self.body.joints
        base = joints[NECK] - 0.05 * self.unit * self.up
        self.capsule(Part.NECK, base, self.body.head_centre, 0.045, 0.04)

    def _torso(self) -> None:
        joints, thick = self.body.joints, self.look.build
        length = np.hypot(*(joints[NECK] - self.middle))
        chest = self.middle + 0.7 * length * self.up
        belly = self.middle + 0.2 * length * self.up
        shoulders = 0.93 * joints[:2] + 0.07 * chest
        top = joints[NECK] - 0.07 * self.unit * self.up
        ribs = 0.55 * joints[:2] + 0.45 * joints[6:8]
        ribs = 0.85 * ribs + 0.15 * ribs.mean(0)
        hips = joints[6:8] + 0.02 * self.unit * self.up
        # Two hulls, so that there is a waist: chest, then from ribs to hips.
        lower = np.concatenate([ribs, hips, [belly]])
        self.hull(Part.TORSO, lower, [0.05 * thick, 0.05 * thick, 0.062 * thick, 0.062 * thick, 0.08 * thick])
        upper = np.concatenate([shoulders, ribs, [chest, top]])
        self.hull(
            Part.TORSO, upper, [0.045 * thick, 0.045 * thick, 0.05 * thick, 0.05 * thick, 0.09 * thick, 0.045]
        )

    def _shirt_front(self) -> None:
        """Collar and front details on the torso's midline, which turns to the side with the body."""
        joints, look = self.body.joints, self.look
        half = max(0.5 * abs((joints[0] - joints[1]) @ self.across), 0.09 * self.unit)
        shift = 0.8 * np.sin(self.body.yaw) * half * self.across
        narrow = max(np.cos(self.body.yaw), 0.3)
        top = joints[NECK] - 0.03 * self.unit * self.up + 0.6 * shift
        bottom = self.middle + shift
        deep = 0.24 if look.front == "open" else 0.09
        sides = 0.05 * self.unit * narrow * self.across
        point = top + deep * 4 * (bottom - top) * 0.5
        self.polygon(Part.COLLAR, np.stack([top - sides, top + sides, point]), None)
        if look.front == "zip":
            self.capsule(Part.LOGO, point, bottom, 0.008, 0.008)
        elif look.front == "buttons":
            for share in (0.2, 0.4, 0.6, 0.8):
                at = point + share * (bottom - point)
                self.polygon(Part.LOGO, at + 0.012 * self.unit * _CIRCLE, None)
        elif look.front == "open":
            self.polygon(Part.LOGO, _capsule(top, point, 0.012 * self.unit, 0.018 * self.unit), None)
        elif look.front == "logo":
            at = top + 0.4 * (bottom - top)
            wide, tall = 0.6 * half * narrow, 0.3 * half
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
            self.polygon(
                Part.LOGO, at + corners[:, :1] * wide * self.across + corners[:, 1:] * tall * self.up, None
            )

    def _backpack(self) -> None:
        joints = self.body.joints
        half = max(0.42 * abs((joints[0] - joints[1]) @ self.across), 0.08 * self.unit)
        shift = -0.14 * self.unit * np.sin(self.body.yaw) * self.across
        top = joints[NECK] - 0.1 * self.unit * self.up + shift
        low = self.middle + 0.12 * self.unit * self.up + shift
        sides = np.array([-1, 1])[:, None] * half * self.across
        self.hull(Part.BACKPACK, np.concatenate([top + sides, low + sides]), [0.04] * 4)

    def _long_hair(self) -> None:
        body = self.body
        half_width, half_height = body.head_axes
        back = -0.45 * half_width * np.sin(body.head_yaw) * np.array([-body.head_up[1], body.head_up[0]])
        top = body.head_centre + 0.1 * half_height * body.head_up + back
        end = top + [0, self.look.long_hair * half_height] + 0.5 * back
        radii = np.array([1.08 * half_width, 0.95 * half_width]) / self.unit
        self.hull(Part.HAIR, np.stack([top, end]), radii)

    def _head(self) -> None:
        body, look = self.body, self.look
        half_width, half_height = body.head_axes
        reach = 1.15 * half_height + 1
        low = np.clip(np.floor(body.head_centre - reach), 0, self.parts.shape[::-1]).astype(int)
        high = np.clip(np.ceil(body.head_centre + reach) + 1, 0, self.parts.shape[::-1]).astype(int)
        if (high <= low).any():
            return
        grid = (
            np.stack(np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1])), -1)
            - body.head_centre
        )
        across = np.array([-body.head_up[1], body.head_up[0]])
        # A head is deeper than wide; the chin is narrower than the skull.
        depth = 1 + 0.15 * abs(np.sin(body.head_yaw))
        y = grid @ body.head_up / half_height
        taper = 1 - 0.16 * np.clip(-y, 0, 1)
        x = grid @ across / (half_width * depth * taper)
        squared = x**2 + y**2
        z = np.sqrt(np.maximum(1 - squared, 0))
        ahead = x * np.sin(body.head_yaw) + z * np.cos(body.head_yaw)
        part = np.full(x.shape, Part.HEAD, np.uint8)
        growth = 0.8 * y - 0.75 * ahead
        if look.beard:
            part[-0.8 * y + 0.6 * ahead > 0.62] = Part.BEARD
        part[growth > look.hair] = Part.HAIR
        if look.cap:
            part[y > 0.42 - 0.1 * ahead] = Part.CAP
        lit = np.clip(
            0.72 + 0.3 * (x * (self.light @ across) + y * (self.light @ body.head_up)) + 0.12 * z, 0.3, 1
        )
        self.flush()
        inside = squared < np.where((part == Part.HAIR) | (part == Part.CAP), 1.0, 0.94)
        region = np.s_[low[1] : high[1], low[0] : high[0]]
        self.parts[region][inside] = part[inside]
        self.shade[region][inside] = (lit[inside] * 255).astype(np.uint8)
        self._features()

    def _features(self) -> None:
        """Eyes, brows, nose, mouth, ears, glasses, the cap's peak: where they are on the head's near side."""
        body, look = self.body, self.look
        half_width, half_height = body.head_axes
        across = np.array([-body.head_up[1], body.head_up[0]])
        frame = np.stack([across * half_height, body.head_up * half_height])
        face, _ = body.face()
        azimuth = np.radians([0, 27, -27, 97, -97, 20, -20, 0, 15, -15])
        elevation = np.radians([-12, 10, 10, 2, 2, -40, -40, -42, 24, 24])
        spots, depth = body.on_head(azimuth, elevation)
        for ear in (3, 4):
            if (
                depth[ear] > -0.25
                and (not look.long_hair)
                and np.hypot(*(face[ear] - body.head_centre)) > 0.1 * half_width
            ):
                self.polygon(Part.HEAD, spots[ear] + (_CIRCLE * [0.12, 0.2]) @ frame, _DARK)
        for eye in (1, 2):
            if depth[eye] > 0.05:
                narrow = 0.35 + 0.65 * depth[eye]
                self.polygon(Part.EYE, spots[eye] + (_CIRCLE * [0.17 * narrow, 0.1]) @ frame, _BRIGHT)
                ahead = 0.05 * np.sin(body.head_yaw) * frame[0]
                self.polygon(
                    Part.PUPIL, spots[eye] + ahead + (_CIRCLE * [0.08 * narrow, 0.09]) @ frame, _MIDDLE
                )
                brow = spots[eye] + 0.2 * frame[1]
                self.polygon(Part.BROW, brow + (_CIRCLE * [0.2 * narrow, 0.045]) @ frame, None)
        if depth[0] > -0.05:
            tip = spots[0] + 0.24 * np.sin(body.head_yaw) * frame[0]
            self.polygon(
                Part.NOSE,
                np.stack([spots[0] + 0.3 * frame[1], tip - 0.02 * frame[1], spots[0] - 0.12 * frame[1]]),
                _BRIGHT,
            )
            if depth[0] > 0.3:
                self.polygon(Part.NOSE, spots[0] - 0.06 * frame[1] + (_CIRCLE * [0.12, 0.06]) @ frame, _DARK)
        if depth[7] > 0:
            corners = spots[[5, 6]][depth[[5, 6]] > -0.1]
            line = np.concatenate([corners, spots[[7]]])
            self.polygon(
                Part.MOUTH,
                _capsule(line[0], line[min(1, len(line) - 1)], 0.05 * half_height, 0.05 * half_height),
                None,
            )
        if look.glasses and depth[0] > 0.1:
            for eye in (1, 2):
                if depth[eye] > 0.05:
                    self.polygon(
                        Part.GLASSES, spots[eye] + (_CIRCLE * [0.24 * depth[eye], 0.17]) @ frame, None
                    )
        if look.cap and depth[0] > -0.3:
            brim, _ = body.on_head(np.radians([40.0, 0.0, -40.0]), np.radians([28.0, 28.0, 28.0]))
            ahead = np.sin(body.head_yaw) * 0.55 * frame[0] - 0.12 * max(np.cos(body.head_yaw), 0) * frame[1]
            self.polygon(Part.CAP, np.concatenate([brim, brim[::-1] + ahead]), _DARK)

    def layer(self) -> Layer:
        """Colours the parts, averages down to the picture's resolution, and shades."""
        size = (int(self.size[0]), int(self.size[1]))
        codes = cv2.merge([self.parts] * 3)
        colour = cv2.LUT(codes, _table(self.look.colours))
        if self.look.pattern != "plain":
            where = cv2.LUT(self.parts, _table(self.look.patterned)) * self._pattern(size)
            cv2.copyTo(cv2.LUT(codes, _table(self.look.accents)), where, colour)
        blur = max(int(0.014 * self.unit), 1) * 2 + 1
        shade = cv2.resize(cv2.blur(self.shade, (blur, blur)), size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize((self.parts > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        # Nothing has the colour black, so that averaging also weights by coverage.
        coarse = (
            cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
            * (shade.astype(np.float32) / 225)[..., None]
        )
        return Layer(int(self.corner[0]), int(self.corner[1]), coarse, alpha, self.parts[1::_FINE, 1::_FINE])

    def _pattern(self, size: tuple[int, int]) -> np.ndarray:
        """Where the pattern has its accent: 0 or 1 on the fine grid, computed on the coarse one."""
        period = max(self.look.period * self.unit / _FINE, 1.5)
        rows, columns = np.arange(size[1], dtype=np.float32)[:, None], np.arange(size[0], dtype=np.float32)
        along = rows * np.float32(self.up[1] / period) + columns * np.float32(self.up[0] / period)
        across = rows * np.float32(self.across[1] / period) + columns * np.float32(self.across[0] / period)
        accent = _PATTERNS[self.look.pattern](along, across)
        fine = (size[0] * _FINE, size[1] * _FINE)
        return cv2.resize(accent.astype(np.uint8), fine, interpolation=cv2.INTER_NEAREST)


def _part(x: np.ndarray) -> np.ndarray:
    return x - np.floor(x)


_PATTERNS = {
    "across": lambda along, across: _part(along) < 0.4,
    "along": lambda along, across: _part(across) < 0.4,
    "checks": lambda along, across: (_part(along) < 0.5) ^ (_part(across) < 0.5),
    "dots": lambda along, across: (_part(along) - 0.5) ** 2 + (_part(across) - 0.5) ** 2 < 0.08,
    "clouds": lambda along, across: np.sin(5 * along + 2 * np.sin(3 * across)) + np.sin(4 * across) > 0.6,
}


def _table(values: np.ndarray) -> np.ndarray:
    """Values per part code as the table that OpenCV looks bytes up in."""
    table = np.zeros((256, 1, *values.shape[1:]), np.uint8)
    table[: len(values), 0] = values
    return table


def _towards(a: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    """A vector of a length in the direction from a to b."""
    return (b - a) * (length / max(math.hypot(*(b - a)), 1e-3))


def _capsule(a: np.ndarray, b: np.ndarray, radius_a: float, radius_b: float) -> np.ndarray:
    """The outline of a tapered line with round ends."""
    x, y = _towards(a, b, 1.0)
    back = _ARC @ np.array([[x, y], [-y, x]])
    return np.concatenate([a + radius_a * back, b - radius_b * back])
