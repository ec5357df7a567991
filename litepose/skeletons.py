"""Joints, mirror pairs, limbs and OKS constants of COCO's 17 and CrowdPose's 14 keypoints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Skeleton:
    """The keypoint definition of a data set.

    Attributes:
        name: the data set's family, ``coco`` or ``crowdpose``.
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
