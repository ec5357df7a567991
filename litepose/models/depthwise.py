"""Depthwise convolution whose weight gradient is fast on CPUs for wide kernels."""

from itertools import pairwise
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

FAST_COLUMNS = 3  # widest kernel for which oneDNN has a weight gradient of its own for depthwise convolutions


def depthwise_conv2d(x: torch.Tensor, weight: torch.Tensor, stride: int, training: bool) -> torch.Tensor:
    """Filter each channel on its own; half the kernel is the padding.

    Args:
        x: [B,C,H,W].
        weight: [C,1,K,K].
        stride: in both directions.
        training: whether gradients will be asked for; values are the same either way.

    Returns:
        [B,C,H/stride,W/stride].
    """
    slow = x.device.type == "cpu" and x.dtype == torch.float32 and weight.shape[3] > FAST_COLUMNS
    if training and slow and not torch.is_autocast_enabled("cpu"):
        return _ByColumns.apply(x, weight, stride)
    return F.conv2d(x, weight, None, stride, weight.shape[2] // 2, groups=len(weight))


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
        parts.append(_gradients(gradient, seen, weight[..., :count], stride, 0, (False, True))[1])
    return torch.cat(parts, 3)


def _gradients(
    gradient: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    stride: int,
    padding: int,
    wanted: tuple[bool, bool],
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Of the features and of the weight, as PyTorch computes them."""
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
