"""The depthwise convolution of a training step: PyTorch's values and gradients."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from litepose.models.blocks import DepthwiseConv2d
from litepose.models.litepose import Architecture
from litepose.models.supernet import Supernet
from litepose.training.depthwise import fast_gradient
from litepose.training.loop import fit
from litepose.training.schedule import Schedule


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

    layer = DepthwiseConv2d(8, kernel, stride)

    def ours(x, weight):
        with fast_gradient(layer):
            return functional_call(layer, {"weight": weight}, (x,))

    def plain(x, weight):
        return F.conv2d(x, weight, None, stride, kernel // 2, groups=8)

    expected = values_and_gradients(plain, x, weight)
    for mine, theirs in zip(values_and_gradients(ours, x, weight), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def gradient_of(layer, x):
    """Name of the function that computes the gradient."""
    return type(layer(x).grad_fn).__name__


def test_only_training_steps_with_wide_kernels_compute_their_own_gradient():
    x = torch.randn(2, 8, 6, 6)
    wide, narrow = DepthwiseConv2d(8, 7), DepthwiseConv2d(8, 3)
    with fast_gradient(nn.ModuleList([wide, narrow])):
        assert "ByColumns" in gradient_of(wide, x)
        assert "ByColumns" not in gradient_of(narrow, x)
        assert "ByColumns" not in gradient_of(wide.eval(), x)
        with torch.autocast("cpu", torch.bfloat16):
            assert wide.train()(x).dtype == torch.bfloat16
    assert "ByColumns" not in gradient_of(wide, x)


def test_a_network_is_as_before_when_training_ends_also_by_an_error():
    layer = DepthwiseConv2d(8, 7)
    with pytest.raises(RuntimeError, match="end"), fast_gradient(layer), fast_gradient(layer):
        raise RuntimeError("end")
    assert type(layer) is DepthwiseConv2d


def test_a_narrow_configuration_of_a_supernet_has_the_plain_gradient():
    torch.manual_seed(0)
    supernet, images = Supernet(14, depth=0.1), torch.randn(1, 3, 64, 64)
    supernet.configure(Architecture.from_widths([8, 8, 16, 24, 40, 16, 16, 8]))

    def gradients():
        supernet.zero_grad()
        sum(output.square().sum() for output in supernet(images)).backward()
        return [parameter.grad for parameter in supernet.parameters()]

    plain = gradients()
    with fast_gradient(supernet):
        for mine, theirs in zip(gradients(), plain, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4 * float(theirs.abs().max() + 1))


class Convolution:
    """A task that writes down how the gradient of its one layer is computed."""

    compilable = False

    def __init__(self):
        self.seen = []

    def batches(self, epoch):
        return [torch.ones(1, 8, 6, 6)]

    def loss(self, model, batch, epoch, step):
        self.seen.append(gradient_of(model, batch))
        return model(batch).square().mean(), {}


def test_training_switches_the_gradient_on(tmp_path):
    layer, task = DepthwiseConv2d(8, 7), Convolution()
    schedule = Schedule(epochs=2, batch_size=1, learning_rate=0.1, milestones=(), warmup_epochs=0)
    fit(
        layer,
        task,
        schedule,
        name="one layer",
        checkpoint_path=tmp_path / "state.pt",
        fingerprint="",
        measure=lambda epoch: {},
        log=lambda epoch, row: None,
    )
    assert len(task.seen) == 2
    assert all("ByColumns" in name for name in task.seen)
    assert "ByColumns" not in gradient_of(layer, torch.ones(1, 8, 6, 6))
