"""The systems of the paper's tables by name: how to build each, its published size and joints."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.models import efficient_hrnet, higher_hrnet, litepose
from litepose.models.efficient_hrnet import EfficientHRNet
from litepose.models.higher_hrnet import HigherHRNet
from litepose.models.hourglass import StackedHourglass
from litepose.models.lightweight_openpose import LightweightOpenPose
from litepose.models.litepose import LitePose
from litepose.models.personlab import PersonLab


class _Entry(NamedTuple):
    build: Callable[..., nn.Module]
    input_size: int  # px
    defaults: dict[str, Any]
    num_joints: int = CROWDPOSE.num_joints


def _litepose(variant: str, input_size: int) -> _Entry:
    return _Entry(LitePose, input_size, {"architecture": litepose.ARCHITECTURES[variant]})


def _higher_hrnet(variant: str, input_size: int) -> _Entry:
    return _Entry(HigherHRNet, input_size, {"architecture": higher_hrnet.ARCHITECTURES[variant]})


def _efficient_hrnet(variant: str, input_size: int, num_joints: int = CROWDPOSE.num_joints) -> _Entry:
    options = {"architecture": efficient_hrnet.ARCHITECTURES[variant]}
    return _Entry(EfficientHRNet, input_size, options, num_joints)


_ZOO: dict[str, _Entry] = {
    "litepose-xs": _litepose("xs", 256),
    "litepose-s": _litepose("s", 448),
    "litepose-m": _litepose("m", 448),
    "litepose-l": _litepose("l", 512),
    "litepose-half": _litepose("half", 512),
    "higherhrnet-w16": _higher_hrnet("w16", 512),
    "higherhrnet-w24": _higher_hrnet("w24", 512),
    "higherhrnet-w32": _higher_hrnet("w32", 512),
    "higherhrnet-w48": _higher_hrnet("w48", 640),
    "higherhrnet-w16-shrink1": _higher_hrnet("w16-shrink1", 512),
    "higherhrnet-w16-shrink2": _higher_hrnet("w16-shrink2", 512),
    "higherhrnet-w16-shrink3": _higher_hrnet("w16-shrink3", 512),
    "efficienthrnet-h-1": _efficient_hrnet("h-1", 480),
    "efficienthrnet-h-2": _efficient_hrnet("h-2", 448, COCO.num_joints),
    "efficienthrnet-h-3": _efficient_hrnet("h-3", 416),
    "efficienthrnet-h-4": _efficient_hrnet("h-4", 384, COCO.num_joints),
    "lightweight-openpose": _Entry(LightweightOpenPose, 368, {}, COCO.num_joints),
    "hourglass-ae": _Entry(StackedHourglass, 512, {}, COCO.num_joints),
    "personlab": _Entry(PersonLab, 1401, {}, COCO.num_joints),
}


def names() -> list[str]:
    """Names of all systems, in the zoo's order."""
    return list(_ZOO)


def published_input_size(name: str) -> int:
    """Side in px of the square input at which the paper reports a system's cost.

    Raises:
        InputError: the zoo has no such system.
    """
    return _entry(name).input_size


def published_num_joints(name: str) -> int:
    """Keypoints of a system in the table that it first appears in: COCO's 17 if Table 1 lacks it, else 14.

    Raises:
        InputError: the zoo has no such system.
    """
    return _entry(name).num_joints


def create(name: str, num_joints: int = 14, **overrides: Any) -> nn.Module:
    """Build a system with freshly drawn weights.

    Args:
        name: one of `names()`.
        num_joints: keypoints of one person.
        overrides: `depth` (relative, 1.0 as published) for any system; for Lite Pose also `kernel`, `fusion`
            and `architecture`.

    Raises:
        InputError: the zoo has no such system, or an override's value cannot be built.
    """
    entry = _entry(name)
    return entry.build(num_joints=num_joints, **(entry.defaults | overrides))


def _entry(name: str) -> _Entry:
    if name not in _ZOO:
        raise InputError(f"There is no model {name!r}: choose one of {', '.join(_ZOO)}.")
    return _ZOO[name]
