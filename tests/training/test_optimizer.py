"""The optimizers: Muon's updates beside PyTorch's own, and what it leaves to Adam."""

import pytest
import torch
from torch import nn

from litepose.core.errors import InputError
from litepose.core.layout import channels_last
from litepose.training.optimizer import ITERATIONS, UPDATE_RMS, create, orthogonal
from litepose.training.step import StepOptions

RATE = 0.01


def network() -> nn.Sequential:
    """A convolution of each kind: it mixes channels with a kernel, filters each, mixes them in one place."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 5, groups=8, bias=False),
        nn.Conv2d(8, 24, 1, bias=False),
        nn.Conv2d(24, 24, 1),
        nn.Conv2d(24, 24, 1),
    )


def stepped(model: nn.Module, name: str, steps: int = 3) -> nn.Module:
    """The network after some steps with gradients that depend on the step only."""
    optimizer = create(name, model, RATE)
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return model


@pytest.mark.parametrize("shape", [(5, 8, 8), (2, 8, 30), (3, 30, 8), (1, 64, 576)])
def test_singular_values_are_brought_near_one_and_directions_stay(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    found = left.mT @ orthogonal(matrices) @ right.mT
    reached = found.diagonal(dim1=1, dim2=2)
    clear = values > 0.01 * values.amax(1, keepdim=True)
    assert reached[clear].min() > 0.6 and reached[clear].max() < 1.3
    assert (found - torch.diag_embed(reached)).abs().max() < 1e-3


def test_a_matrix_of_zeros_stays_one():
    assert torch.equal(orthogonal(torch.zeros(1, 4, 6)), torch.zeros(1, 4, 6))


def test_updates_of_one_by_one_convolutions_are_those_of_pytorchs_muon():
    model, other = network(), network()
    ours = stepped(model, "muon", steps=1)
    weights = [other[index].weight for index in (3, 4, 5)]
    matrices = [nn.Parameter(weight.detach().flatten(1).clone()) for weight in weights]
    for matrix, index in zip(matrices, (3, 4, 5), strict=True):
        matrix.grad = model[index].weight.grad.flatten(1)
    settings = {"weight_decay": 0.0, "ns_steps": ITERATIONS, "adjust_lr_fn": "match_rms_adamw"}
    torch.optim.Muon(matrices, lr=RATE, **settings).step()
    for matrix, index, start in zip(matrices, (3, 4, 5), weights, strict=True):
        expected = matrix.detach() - start.detach().flatten(1)
        update = ours[index].weight.detach().flatten(1) - start.detach().flatten(1)
        # PyTorch's computes in bfloat16, of eight binary digits.
        assert (update - expected).norm() < 0.03 * expected.norm()
        assert update.square().mean().sqrt() == pytest.approx(RATE * UPDATE_RMS, rel=0.25)


def test_all_but_the_convolutions_that_mix_channels_move_as_with_adam():
    muon = dict(stepped(network(), "muon").named_parameters())
    adam = dict(stepped(network(), "adam").named_parameters())
    same = {name for name, parameter in muon.items() if torch.equal(parameter, adam[name])}
    assert same == muon.keys() - {"0.weight", "3.weight", "4.weight", "5.weight"}


def test_the_layout_of_the_weights_does_not_matter():
    rows, columns = stepped(network(), "muon"), stepped(channels_last(network()), "muon")
    for one, other in zip(rows.parameters(), columns.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_weight_without_a_gradient_stays_where_it_is():
    model, start = network(), network()
    optimizer = create("muon", model, RATE)
    model[3].weight.grad = torch.randn(24, 8, 1, 1)
    optimizer.step()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, start.get_parameter(name)) == (name != "3.weight")


def test_an_unknown_optimizer_is_named_with_the_known_ones():
    with pytest.raises(InputError, match=r"optimizer is 'sgd': use one of adam, muon"):
        StepOptions(optimizer="sgd")
