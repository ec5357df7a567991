"""The systems that the paper compares: their names in its tables, in the zoo and in the metrics files."""

from dataclasses import dataclass, field

from litepose.skeletons import COCO, CROWDPOSE

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
# Configuration of the gradual shrinking -> (zoo name, run)
SHRINKING = {
    "Baseline": ("higherhrnet-w16", "shrink/baseline"),
    "Shrink 1": ("higherhrnet-w16-shrink1", "shrink/shrink1"),
    "Shrink 2": ("higherhrnet-w16-shrink2", "shrink/shrink2"),
    "Shrink 3": ("higherhrnet-w16-shrink3", "shrink/shrink3"),
}
_COCO_ONLY = ("personlab", "hourglass-ae", "lightweight-openpose", "efficienthrnet-h-2", "efficienthrnet-h-4")
_COCO_TOO = ("higherhrnet-w48", "litepose-s", "litepose-xs")


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
    names = [*ZOO.values(), *(zoo for zoo, _ in list(SHRINKING.values())[1:])]
    halves = [
        System(half_key(kernel), "litepose-half", CROWDPOSE.num_joints, {"kernel": kernel})
        for kernel in (3, 5, 7, 9)
    ]
    plain = System(
        half_key(7, fusion=False), "litepose-half", CROWDPOSE.num_joints, {"kernel": 7, "fusion": False}
    )
    coco = [System(f"{name}-coco", name, COCO.num_joints) for name in _COCO_TOO]
    return [*(System(name, name, num_joints(name)) for name in names), *halves, plain, *coco]


def num_joints(zoo: str) -> int:
    """Keypoints of a system in the table that it first appears in: COCO's 17 if Table 1 lacks it, else 14."""
    return (COCO if zoo in _COCO_ONLY else CROWDPOSE).num_joints


def half_key(kernel: int, fusion: bool = True) -> str:
    """Name of a 0.5 LitePose in the complexity metrics."""
    return f"litepose-half-k{kernel}{'' if fusion else '-nofusion'}"


def crowdpose_run(model: str) -> str:
    """Run whose result stands in a model's row of Table 1."""
    if model == "HigherHRNet-W16":
        return "shrink/baseline"
    return _own_run(model, "finetune") or f"baselines/{ZOO[model]}"


def coco_run(model: str) -> str:
    """Run whose result stands in a model's row of Table 2."""
    return _own_run(model, "transfer") or f"baselines/{ZOO[model]}-coco"


def coco_key(model: str) -> str:
    """Name of a model of Table 2 in the complexity metrics."""
    return f"{ZOO[model]}-coco" if ZOO[model] in _COCO_TOO else ZOO[model]


def _own_run(model: str, stage: str) -> str:
    family, _, size = model.partition("-")
    return f"{stage}/{size.lower()}" if family == "LitePose" else ""
