"""The depthwise convolution of a training step: PyTorch's values and gradients."""

import pytest
import torch
from torch.nn import functional as F

from litepose.models import depthwise
from litepose.models.blocks import DepthwiseConv2d


def values_and_gradients(convolve, x, weight):
    """Output, and the gradients of both inputs for a random gradient of the output."""
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    output = convolve(x, weight)
    output.backward(torch.randn(output.shape, generator=torch.Generator().manual_seed(1)))
    return output, x.grad, weight.grad


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5, 7, 9])
@pytest.mark.parametrize("size", [(4, 4), (7, 10), (16, 12)])
def test_values_and_gradients_are_those_of_pytorch(size, kernel, stride, layout):
    torch.manual_seed(0)
    x = torch.randn(2, 8, *size).contiguous(memory_format=layout)
    weight = torch.randn(8, 1, kernel, kernel)

    def ours(x, weight):
        return depthwise.depthwise_conv2d(x, weight, stride, training=True)

    def plain(x, weight):
        return F.conv2d(x, weight, None, stride, kernel // 2, groups=8)

    expected = values_and_gradients(plain, x, weight)
    for mine, theirs in zip(values_and_gradients(ours, x, weight), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_only_training_steps_with_wide_kernels_compute_their_own_gradient():
    x = torch.randn(2, 8, 6, 6)
    wide, narrow = DepthwiseConv2d(8, 7), DepthwiseConv2d(8, 3)
    assert "ByColumns" in type(wide(x).grad_fn).__name__
    assert "ByColumns" not in type(narrow(x).grad_fn).__name__
    assert "ByColumns" not in type(wide.eval()(x).grad_fn).__name__
    with torch.autocast("cpu", torch.bfloat16):
        assert wide.train()(x).dtype == torch.bfloat16
