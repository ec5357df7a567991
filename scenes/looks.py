"""How a person looks: clothes, hair, skin, each drawn at random."""

from dataclasses import dataclass

import cv2
import numpy as np

from scenes.parts import Part

_SKIN = np.array(
    [[62, 42, 32], [98, 68, 50], [141, 98, 74], [178, 132, 104], [214, 172, 146], [236, 200, 178]], float
)
_HAIR = np.array(
    [
        [18, 15, 14],
        [30, 24, 20],
        [52, 36, 26],
        [84, 58, 38],
        [132, 96, 58],
        [186, 152, 98],
        [150, 72, 40],
        [168, 166, 162],
    ],
    float,
)
PATTERNS = ("plain", "plain", "plain", "across", "along", "checks", "dots", "clouds")


@dataclass(frozen=True)
class Look:
    """One person's appearance.

    Attributes:
        colours: uint8 [parts, 3] RGB.
        accents: uint8 [parts, 3] RGB of the pattern on patterned parts.
        patterned: bool [parts].
        pattern: one of `PATTERNS`; `period` is its length as a share of the body's size.
        sleeves: share of the arm that is covered, 0 to 2 (elbow 1).
        legs: share of the leg that is covered, 0 to 2 (knee 1).
        skirt: length as a share of the thigh, 0 for none.
        hair: threshold on the head's cap above which hair grows; `long_hair` is its length in head heights.
    """

    colours: np.ndarray
    accents: np.ndarray
    patterned: np.ndarray
    pattern: str
    period: float
    sleeves: float
    legs: float
    skirt: float
    hair: float
    long_hair: float
    beard: bool
    cap: bool
    glasses: bool
    front: str
    backpack: bool
    build: float


def cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """An RGB colour as clothes have it: often black, white, grey, denim; else any hue."""
    kind = rng.random()
    if kind < 0.42:
        value = (28, 60, 120, 190, 232)[rng.integers(5)] + rng.normal(0, 12)
        return np.clip(value + rng.normal(0, 5, 3), 8, 250)
    if kind < 0.55:
        return np.clip(np.array([58, 78, 118]) * rng.uniform(0.5, 1.5) + rng.normal(0, 6, 3), 8, 250)
    hue, saturation, value = rng.integers(0, 180), rng.uniform(40, 210), rng.uniform(60, 240)
    colour = np.array([[[hue, saturation, value]]], np.uint8)
    return cv2.cvtColor(colour, cv2.COLOR_HSV2RGB)[0, 0].astype(float)


def _skin(rng: np.random.Generator) -> np.ndarray:
    tone = rng.uniform(0, len(_SKIN) - 1.001) ** 1.0
    low = int(tone)
    return _SKIN[low] + (tone - low) * (_SKIN[low + 1] - _SKIN[low]) + rng.normal(0, 5, 3)


def sample_look(rng: np.random.Generator) -> Look:
    """Draws an appearance; women's and men's fashion are not told apart."""
    skin, shirt, trousers, shoes = _skin(rng), cloth_colour(rng), cloth_colour(rng), cloth_colour(rng) * 0.7
    hair = _HAIR[rng.integers(len(_HAIR))] * rng.uniform(0.8, 1.2)
    skirt = rng.uniform(0.4, 1.5) if rng.random() < 0.16 else 0.0
    dress = skirt > 0 and rng.random() < 0.5
    suit = rng.random() < 0.15
    sleeves = 2.0 if suit else rng.choice([0.0, 0.35, 0.6, 0.9, 1.5, 2.0], p=[0.1, 0.15, 0.2, 0.1, 0.1, 0.35])
    legs = rng.choice([0.0, 0.5, 0.85, 1.5, 2.0], p=[0.06, 0.12, 0.1, 0.06, 0.66])
    if skirt and rng.random() < 0.7:
        legs = 0.0
    colours = np.zeros((len(Part), 3))
    for part in (
        Part.NECK,
        Part.HEAD,
        Part.NOSE,
        Part.UPPER_ARM,
        Part.FOREARM,
        Part.HAND,
        Part.THIGH,
        Part.SHIN,
    ):
        colours[[part, part + 1] if part >= Part.SLEEVE else part] = skin
    colours[Part.NOSE] = skin * 0.95
    for part in (Part.SLEEVE, Part.LOWER_SLEEVE):
        colours[[part, part + 1]] = shirt
    if rng.random() < 0.12 and not suit:  # sleeves of another colour
        colours[[Part.SLEEVE, Part.SLEEVE_RIGHT, Part.LOWER_SLEEVE, Part.LOWER_SLEEVE_RIGHT]] = cloth_colour(
            rng
        )
    for part in (Part.TROUSER, Part.LOWER_TROUSER, Part.SHOE):
        colours[[part, part + 1]] = trousers
    colours[[Part.SHOE, Part.SHOE_RIGHT]] = shoes
    colours[Part.SOLE] = rng.choice([30, 220])
    colours[Part.TORSO], colours[Part.PELVIS] = shirt, trousers
    colours[Part.SKIRT] = shirt if dress else trousers
    colours[Part.HAIR], colours[Part.BROW], colours[Part.BEARD] = hair, hair * 0.8, hair
    colours[Part.CAP], colours[Part.LOGO] = cloth_colour(rng), cloth_colour(rng)
    colours[Part.EYE], colours[Part.PUPIL], colours[Part.GLASSES] = 235, 25, 20
    colours[Part.MOUTH] = skin * [0.75, 0.5, 0.5]
    colours[Part.COLLAR] = [235, 235, 235] if suit else (skin if rng.random() < 0.6 else cloth_colour(rng))
    colours[Part.BACKPACK] = cloth_colour(rng)
    colours[Part.STRAP] = colours[Part.BACKPACK] * 0.8
    patterned = np.zeros(len(Part), bool)
    cloth = [Part.TORSO, Part.SLEEVE, Part.SLEEVE_RIGHT, Part.LOWER_SLEEVE, Part.LOWER_SLEEVE_RIGHT]
    patterned[cloth] = not suit
    patterned[Part.SKIRT] = dress or rng.random() < 0.3
    accents = np.tile(cloth_colour(rng), (len(Part), 1))
    return Look(
        colours=np.clip(colours, np.arange(len(Part))[:, None].clip(0, 1), 255).astype(np.uint8),
        accents=np.clip(accents, 0, 255).astype(np.uint8),
        patterned=patterned,
        pattern=PATTERNS[rng.integers(len(PATTERNS))],
        period=rng.uniform(0.03, 0.14),
        sleeves=float(sleeves),
        legs=float(legs),
        skirt=float(skirt),
        hair=rng.uniform(0.0, 0.3) if rng.random() < 0.93 else 2.0,
        long_hair=rng.uniform(1.2, 3.0) if rng.random() < 0.33 else 0.0,
        beard=bool(rng.random() < 0.13),
        cap=bool(rng.random() < 0.12),
        glasses=bool(rng.random() < 0.12),
        front=str(rng.choice(["plain", "logo", "zip", "buttons", "open"], p=[0.25, 0.25, 0.15, 0.2, 0.15])),
        backpack=bool(rng.random() < 0.12),
        build=rng.uniform(0.88, 1.25),
    )
