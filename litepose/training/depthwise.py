"""Depthwise convolutions whose weight gradient is fast on CPUs for wide kernels, while a network trains."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from litepose.models.blocks import DepthwiseConv2d

FAST_COLUMNS = 3  # widest kernel for which oneDNN has a weight gradient of its own for depthwise convolutions


@contextmanager
def fast_gradient(model: nn.Module) -> Iterator[None]:
    """While the context lasts, a network's depthwise convolutions compute their weight gradients fast.

    Values and gradients are PyTorch's own but for rounding; the network keeps its modules and their names.
    """
    layers = [module for module in model.modules() if type(module) is DepthwiseConv2d]
    for layer in layers:
        layer.__class__ = _FastDepthwiseConv2d
    try:
        yield
    finally:
        for layer in layers:
            layer.__class__ = DepthwiseConv2d


class _FastDepthwiseConv2d(DepthwiseConv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See :class:`DepthwiseConv2d`."""
        slow = x.device.type == "cpu" and x.dtype == torch.float32 and self.weight.shape[3] > FAST_COLUMNS
        if self.training and slow and not torch.is_autocast_enabled("cpu"):
            return _ByColumns.apply(x, self.weight, self.stride[0])
        return super().forward(x)


class _ByColumns(torch.autograd.Function):
    """Computes the weight's gradient for a few of its columns at a time, as that of a narrow kernel.

    For a wider one oneDNN multiplies general matrices: three to six times slower, and more than half of a
    training step of LitePose-XS.
    """

    @staticmethod
    def forward(context: Any, x: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
        context.save_for_backward(x, weight)
        context.stride = stride
        return F.conv2d(x, weight, None, stride, weight.shape[2] // 2, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (x, weight), stride = context.saved_tensors, context.stride
        of_x, of_weight = None, None
        if context.needs_input_grad[0]:
            of_x, _ = _gradients(gradient, x, weight, stride, weight.shape[2] // 2, (True, False))
        if context.needs_input_grad[1]:
            of_weight = _weight_gradient(gradient, x, weight, stride)
        return of_x, of_weight, None


def _weight_gradient(
    gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int
) -> torch.Tensor:
    """[C,1,K,K]: each group of columns has seen its own part of the padded features."""
    kernel = weight.shape[3]
    height, width = ((side - 1) * stride for side in gradient.shape[2:])  # between first and last position
    top, bottom = kernel // 2, height + kernel - kernel // 2 - x.shape[2]
    groups = -(-kernel // FAST_COLUMNS)
    bounds = [kernel * group // groups for group in range(groups + 1)]
    parts = []
    for first, end in pairwise(bounds):
        count, left = end - first, kernel // 2 - first
        # A negative padding cuts.
        seen = F.pad(x, (left, width + count - left - x.shape[3], top, bottom))
        _, part = _gradients(gradient, seen, weight[..., :count], stride, 0, (False, True))
        parts.append(part)
    return torch.cat(parts, 3)


def _gradients(
    gradient: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: int,
    padding: int,
    wanted: tuple[bool, bool],
) -> tuple[Any, Any]:
    """Of the features and of the weight, as PyTorch computes them; None for what is not wanted."""
    of_x, of_weight, _ = torch.ops.aten.convolution_backward(
        gradient,
        x,
        weight,
        None,  # bias
        [stride, stride],
        [padding, padding],
        [1, 1],  # dilation
        False,  # not transposed
        [0, 0],  # output padding
        len(weight),
        [*wanted, False],
    )
    return of_x, of_weight
