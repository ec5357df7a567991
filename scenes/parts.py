"""Codes of a drawn person's parts, and on which of them each keypoint shows."""

from enum import IntEnum, auto

import numpy as np


class Part(IntEnum):
    """What a pixel of a person shows. Left is 0, right is 1 past the first of a pair."""

    NONE = 0
    TORSO = auto()
    PELVIS = auto()
    NECK = auto()
    HEAD = auto()
    HAIR = auto()
    BEARD = auto()
    CAP = auto()
    NOSE = auto()
    EYE = auto()
    PUPIL = auto()
    BROW = auto()
    MOUTH = auto()
    GLASSES = auto()
    COLLAR = auto()
    LOGO = auto()
    SKIRT = auto()
    BACKPACK = auto()
    STRAP = auto()
    SLEEVE = auto()
    SLEEVE_RIGHT = auto()
    UPPER_ARM = auto()
    UPPER_ARM_RIGHT = auto()
    LOWER_SLEEVE = auto()
    LOWER_SLEEVE_RIGHT = auto()
    FOREARM = auto()
    FOREARM_RIGHT = auto()
    HAND = auto()
    HAND_RIGHT = auto()
    TROUSER = auto()
    TROUSER_RIGHT = auto()
    THIGH = auto()
    THIGH_RIGHT = auto()
    LOWER_TROUSER = auto()
    LOWER_TROUSER_RIGHT = auto()
    SHIN = auto()
    SHIN_RIGHT = auto()
    SHOE = auto()
    SHOE_RIGHT = auto()
    SOLE = auto()


_FACE = (
    Part.HEAD,
    Part.HAIR,
    Part.BEARD,
    Part.CAP,
    Part.NOSE,
    Part.EYE,
    Part.PUPIL,
    Part.BROW,
    Part.MOUTH,
    Part.GLASSES,
)
_CHEST = (Part.TORSO, Part.COLLAR, Part.LOGO, Part.STRAP, Part.BACKPACK)
_PAIRED = (
    (*_CHEST, Part.SLEEVE, Part.UPPER_ARM, Part.HAIR, Part.NECK),
    (Part.SLEEVE, Part.UPPER_ARM, Part.LOWER_SLEEVE, Part.FOREARM),
    (Part.LOWER_SLEEVE, Part.FOREARM, Part.HAND),
    (Part.TORSO, Part.LOGO, Part.PELVIS, Part.SKIRT, Part.TROUSER, Part.THIGH, Part.COLLAR),
    (Part.TROUSER, Part.THIGH, Part.LOWER_TROUSER, Part.SHIN, Part.SKIRT),
    (Part.LOWER_TROUSER, Part.SHIN, Part.SHOE, Part.SOLE),
)


def _shows() -> np.ndarray:
    table = np.zeros((19, len(Part)), bool)
    for pair, parts in enumerate(_PAIRED):
        for side in (0, 1):
            codes = [part + side if part >= Part.SLEEVE and part != Part.SOLE else part for part in parts]
            table[2 * pair + side, codes] = True
    table[12, list(_FACE)] = True
    table[13, [Part.NECK, *_FACE, *_CHEST]] = True
    table[14:, list(_FACE)] = True
    return table


# [19, parts]: the joints in CrowdPose's order, then nose, eyes and ears
SHOWS = _shows()
