"""The systems that the paper compares: their names in its tables, in the zoo and in the metrics files."""

from dataclasses import dataclass, field

from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.models import published_num_joints

# Name in the paper's tables -> name in the zoo.
ZOO = {
    "HigherHRNet-W48": "higherhrnet-w48",
    "HigherHRNet-W24": "higherhrnet-w24",
    "HigherHRNet-W16": "higherhrnet-w16",
    "EfficientHRNet-H-1": "efficienthrnet-h-1",
    "EfficientHRNet-H-2": "efficienthrnet-h-2",
    "EfficientHRNet-H-3": "efficienthrnet-h-3",
    "EfficientHRNet-H-4": "efficienthrnet-h-4",
    "LitePose-XS": "litepose-xs",
    "LitePose-S": "litepose-s",
    "LitePose-M": "litepose-m",
    "LitePose-L": "litepose-l",
    "PersonLab": "personlab",
    "Hourglass": "hourglass-ae",
    "Lightweight OpenPose": "lightweight-openpose",
}
# Name of a runtime in the latency metrics -> its own
RUNTIME_TITLES = {
    "pytorch": "PyTorch",
    "pytorch-compiled": "PyTorch compiled",
    "onnxruntime": "ONNX Runtime",
    "tvm": "TVM",
}
# Sizes of kernels that 0.5 LitePose is trained with (Figure 7)
KERNELS = (3, 5, 7, 9)
_SHRINKINGS = ("higherhrnet-w16-shrink1", "higherhrnet-w16-shrink2", "higherhrnet-w16-shrink3")
_COCO_TOO = ("higherhrnet-w48", "litepose-s", "litepose-xs", "litepose-m", "litepose-l")


@dataclass(frozen=True)
class System:
    """One architecture whose cost is counted.

    Attributes:
        key: its name in the complexity metrics; `-coco` marks a CrowdPose system counted with COCO's joints.
        zoo: its name in the zoo.
        joints: number of keypoints that it predicts.
        overrides: further arguments of the zoo's `create`.
    """

    key: str
    zoo: str
    joints: int
    overrides: dict[str, int | bool] = field(default_factory=dict)


def systems() -> list[System]:
    """Every system of Tables 1 to 3, of the gradual shrinking, and LitePose-M and -L."""
    names = [*ZOO.values(), *_SHRINKINGS]
    halves = [
        System(half_key(kernel), "litepose-half", CROWDPOSE.num_joints, {"kernel": kernel})
        for kernel in KERNELS
    ]
    plain = System(
        half_key(7, fusion=False), "litepose-half", CROWDPOSE.num_joints, {"kernel": 7, "fusion": False}
    )
    coco = [System(f"{name}-coco", name, COCO.num_joints) for name in _COCO_TOO]
    return [*(System(name, name, published_num_joints(name)) for name in names), *halves, plain, *coco]


def half_key(kernel: int, fusion: bool = True) -> str:
    """Name of a 0.5 LitePose in the complexity metrics."""
    return f"litepose-half-k{kernel}{'' if fusion else '-nofusion'}"
