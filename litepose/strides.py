"""The largest stride of a network: what both sides of its input must be multiples of."""

from torch import nn

from litepose.core.errors import InputError
from litepose.models.efficient_hrnet import EfficientHRNet
from litepose.models.higher_hrnet import HigherHRNet
from litepose.models.hourglass import StackedHourglass
from litepose.models.litepose import LitePose
from litepose.models.supernet import Supernet

STRIDES: dict[type[nn.Module], int] = {
    LitePose: 16,
    Supernet: 16,
    HigherHRNet: 32,
    EfficientHRNet: 32,
    StackedHourglass: 64,
}


def largest_stride(model: nn.Module) -> int:
    """In px; features of a coarser branch would not meet those of a finer one otherwise.

    Args:
        model: of a family that associates joints by tags.
    """
    return STRIDES[type(model)]


def check_sides(model: nn.Module, *sides: int) -> None:
    """Look that a network takes inputs of such sides.

    Raises:
        InputError: one is no positive multiple of its largest stride.
    """
    stride = largest_stride(model)
    for side in sides:
        if side < stride or side % stride:
            raise InputError(
                f"A side of the size is {side} px, but must be a positive multiple of {stride} px for this "
                "network"
            )
