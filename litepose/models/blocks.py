"""Layers shared by the networks, their initialisation and the scaling of their depth and width."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from litepose.core.errors import InputError

PREDICTION_STD = 0.001


class DepthwiseConv2d(nn.Conv2d):
    """A convolution with one filter per channel: [B,C,H,W] -> [B,C,H/stride,W/stride].

    The number of groups is read from the weight, so that the layer also runs on its leading channels only, as
    the weight-sharing supernet does.
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Filter each channel on its own: [B,C,H,W] -> [B,C,H/stride,W/stride]."""
        return F.conv2d(x, self.weight, None, self.stride, self.padding, groups=len(self.weight))


def conv_norm(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    dilation: int = 1,
    bias: bool = False,
    activation: type[nn.Module] | None = nn.ReLU,
) -> nn.Sequential:
    """Convolution, batch norm and activation: [B,inputs,H,W] -> [B,outputs,H/stride,W/stride]."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation=dilation, bias=bias)
    return _activated(conv, outputs, activation)


def depthwise_norm(
    channels: int, kernel: int, stride: int = 1, activation: type[nn.Module] = nn.ReLU
) -> nn.Sequential:
    """Depthwise convolution, batch norm and activation: [B,C,H,W] -> [B,C,H/stride,W/stride]."""
    return _activated(DepthwiseConv2d(channels, kernel, stride), channels, activation)


def upsampling_conv(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """The 4x4 transposed convolution that doubles a map's sides: [B,inputs,H,W] -> [B,outputs,2H,2W]."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def _activated(conv: nn.Module, channels: int, activation: type[nn.Module] | None) -> nn.Sequential:
    layers = [conv, nn.BatchNorm2d(channels)]
    if activation is not None:
        layers.append(activation())
    return nn.Sequential(*layers)


def initialise(network: nn.Module, predictions: Iterable[nn.Module] = ()) -> None:
    """Draw a network's weights in place.

    Convolutions keep the variance of their gradients (He et al. 2015); the `predictions`, which give the
    heatmaps and tags, start close to 0 (std 0.001, as HRNet's), so that the first maps are almost empty.
    """
    if next(network.parameters()).is_meta:
        return  # there is nothing to draw, and doing so would load torch.compile's machinery: over a second
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            # A transposed convolution's weight is stored [in,out,k,k]: its "fan in" is the true fan out.
            mode: Literal["fan_in", "fan_out"] = (
                "fan_in" if isinstance(module, nn.ConvTranspose2d) else "fan_out"
            )
            nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for conv in predictions:
        nn.init.normal_(conv.get_parameter("weight"), std=PREDICTION_STD)


def scaled_depth(blocks: int, depth: float) -> int:
    """Number of blocks (or modules) at a relative depth: rounded half up, at least 1.

    Raises:
        InputError: `depth` is not positive.
    """
    if depth <= 0:
        raise InputError(f"depth is {depth}, but it must be above 0: 1.0 is as published.")
    return max(1, int(blocks * depth + 0.5))


def round_channels(channels: float) -> int:
    """The multiple of 8 nearest to a channel count, at least 8 and never more than 10 % below it."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
