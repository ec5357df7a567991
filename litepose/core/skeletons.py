"""Joints, mirror pairs, limbs and OKS constants: COCO's 17, CrowdPose's 14 keypoints, and those of a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from litepose.core.errors import InputError


@dataclass(frozen=True)
class Skeleton:
    """The keypoint definition of a data set.

    Attributes:
        name: ``coco``, ``crowdpose``, or that of the file; decides how people are evaluated.
        joints: one name per keypoint, in annotation order.
        flip: the index that each keypoint takes in a mirrored image.
        limbs: pairs of keypoint indices to draw.
        sigmas: OKS fall-off per keypoint (the evaluators' ``k_i / 2``).
    """

    name: str
    joints: tuple[str, ...]
    flip: tuple[int, ...]
    limbs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]

    @property
    def num_joints(self) -> int:
        """Number of keypoints of one person."""
        return len(self.joints)

    def fields(self) -> dict[str, Any]:
        """The definition in the form of a file, which :func:`from_fields` reads."""
        pairs = [(a, b) for a, b in enumerate(self.flip) if a < b]
        return {
            "joints": list(self.joints),
            "flips": [[self.joints[a], self.joints[b]] for a, b in pairs],
            "limbs": [[self.joints[a], self.joints[b]] for a, b in self.limbs],
            "sigmas": list(self.sigmas),
        }


def _mirrored(joints: tuple[str, ...]) -> tuple[int, ...]:
    swap = {"left": "right", "right": "left"}
    names = [
        "_".join([swap[side], part]) if side in swap else joint
        for joint in joints
        for side, _, part in [joint.partition("_")]
    ]
    return tuple(joints.index(name) for name in names)


def _limbs(joints: tuple[str, ...], pairs: str) -> tuple[tuple[int, int], ...]:
    return tuple((joints.index(a), joints.index(b)) for a, b in (pair.split("-") for pair in pairs.split()))


def _thousandths(*values: int) -> tuple[float, ...]:
    return tuple(value / 1000 for value in values)


_BODY_LIMBS = (
    "left_shoulder-left_elbow left_elbow-left_wrist right_shoulder-right_elbow right_elbow-right_wrist "
    "left_shoulder-left_hip right_shoulder-right_hip left_hip-right_hip "
    "left_hip-left_knee left_knee-left_ankle right_hip-right_knee right_knee-right_ankle "
)
_COCO_JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
_CROWDPOSE_JOINTS = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "head", "neck",
)  # fmt: skip

COCO = Skeleton(
    name="coco",
    joints=_COCO_JOINTS,
    flip=_mirrored(_COCO_JOINTS),
    limbs=_limbs(
        _COCO_JOINTS,
        _BODY_LIMBS + "left_shoulder-right_shoulder nose-left_eye nose-right_eye left_eye-left_ear "
        "right_eye-right_ear left_ear-left_shoulder right_ear-right_shoulder",
    ),
    sigmas=_thousandths(26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89),
)
CROWDPOSE = Skeleton(
    name="crowdpose",
    joints=_CROWDPOSE_JOINTS,
    flip=_mirrored(_CROWDPOSE_JOINTS),
    limbs=_limbs(_CROWDPOSE_JOINTS, _BODY_LIMBS + "head-neck neck-left_shoulder neck-right_shoulder"),
    sigmas=_thousandths(79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89, 79, 79),
)
SKELETONS = {skeleton.name: skeleton for skeleton in (COCO, CROWDPOSE)}


def find(name: str, directory: Path) -> Skeleton:
    """COCO's or CrowdPose's skeleton by its name, or that of ``<name>.yaml`` in a directory.

    Raises:
        InputError: there is none, or see :func:`load`.
    """
    if name in SKELETONS:
        return SKELETONS[name]
    file = directory / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join([*SKELETONS, *sorted(path.stem for path in directory.glob("*.yaml"))])
        raise InputError(f"{file} is missing: write the skeleton {name!r} there, or use one of {known}.")
    return load(file)


def load(path: Path) -> Skeleton:
    """Read a skeleton from a YAML file; its name is the file's.

    The fields: ``joints``, the names in the annotations' order; ``flips``, the pairs of names that change
    places in a mirrored image; ``sigmas``, one OKS constant per joint (COCO's: standard deviation of careful
    annotators' positions, relative to the square root of the person's area; 0.025 for an eye to 0.107 for a
    hip); ``limbs``, the pairs of names to draw a line between, by default none.

    Raises:
        InputError: the file cannot be read, or a field is missing or not as it must be.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path} cannot be read ({' '.join(str(error).split())}): give a YAML file of a skeleton."
        ) from None
    if path.stem in SKELETONS:
        raise InputError(f"{path}: the name {path.stem} is taken: rename the file.")
    return from_fields(path.stem, content, str(path))


def from_fields(name: str, content: Any, where: str) -> Skeleton:
    """A skeleton from a file's content, see :func:`load`; messages begin with ``where``.

    Raises:
        InputError: see :func:`load`.
    """
    if not isinstance(content, dict):
        raise InputError(f"{where}: expected the fields joints, flips, limbs and sigmas.")
    for field in content.keys() - {"joints", "flips", "limbs", "sigmas"}:
        raise InputError(f"{where}: unknown field {field}: use joints, flips, limbs and sigmas.")
    for field in ("joints", "flips", "sigmas"):
        if field not in content:
            raise InputError(f"{where}: the field {field} is missing; add it (flips may be an empty list).")
    joints = _joints(content["joints"], where)
    flips = _pairs(content["flips"], "flips", joints, where)
    flip = list(range(len(joints)))
    for a, b in flips:
        if flip[a] != a or flip[b] != b:
            raise InputError(
                f"{where}: flips names a joint of [{joints[a]}, {joints[b]}] twice; name it once."
            )
        flip[a], flip[b] = b, a
    return Skeleton(
        name=name,
        joints=joints,
        flip=tuple(flip),
        limbs=_pairs(content.get("limbs", []), "limbs", joints, where),
        sigmas=_sigmas(content["sigmas"], joints, where),
    )


def _joints(value: Any, where: str) -> tuple[str, ...]:
    _check_list(value, lambda joint: isinstance(joint, str), "joints", "a list of names", where)
    if not value:
        raise InputError(f"{where}: joints is empty; name at least one.")
    for joint in value:
        if value.count(joint) > 1:
            raise InputError(f"{where}: joints names {joint} twice; names must differ.")
    return tuple(value)


def _pairs(value: Any, field: str, joints: tuple[str, ...], where: str) -> tuple[tuple[int, int], ...]:
    """Indices of pairs of different joints that are given by their names."""
    _check_list(
        value,
        lambda pair: isinstance(pair, list) and len(pair) == 2,
        field,
        "a list of pairs of joints",
        where,
    )
    for pair in value:
        for joint in pair:
            if joint not in joints:
                raise InputError(f"{where}: {field} names {joint!r}, which is not one of the joints.")
        if pair[0] == pair[1]:
            raise InputError(f"{where}: {field} pairs {pair[0]} with itself; leave it out.")
    return tuple((joints.index(a), joints.index(b)) for a, b in value)


def _sigmas(value: Any, joints: tuple[str, ...], where: str) -> tuple[float, ...]:
    def positive(sigma: Any) -> bool:
        return isinstance(sigma, int | float) and not isinstance(sigma, bool) and 0 < sigma < 1e9

    _check_list(value, positive, "sigmas", "a list of positive numbers", where)
    if len(value) != len(joints):
        raise InputError(f"{where}: sigmas has {len(value)} numbers for {len(joints)} joints; give one each.")
    return tuple(map(float, value))


def _check_list(value: Any, fits: Callable[[Any], bool], field: str, expected: str, where: str) -> None:
    if not isinstance(value, list):
        raise InputError(f"{where}: {field} is {value!r}; expected {expected}.")
    for entry in value:
        if not fits(entry):
            raise InputError(f"{where}: {field} holds {entry!r}; expected {expected}.")
