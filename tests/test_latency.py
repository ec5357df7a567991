"""Runtimes give PyTorch's outputs, and the protocol's times, budgets and intervals are right."""

import numpy as np
import pytest
import torch
from scipy.stats import binom
from torch import nn

from litepose import models
from litepose.errors import InputError
from litepose.latency import machine
from litepose.latency.measure import Protocol, interleave, median_interval, warm_up
from litepose.latency.runtimes import TorchRuntime, check_output, fold_batch_norm
from litepose.models.blocks import DepthwiseConv2d
from stages.latency import forward, prepare, realistic


class Clock:
    """A clock that only moves when a fake system runs."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def system(self, seconds, log=None, name=""):
        def run():
            self.now += seconds
            if log is not None:
                log.append(name)

        return run


class Network(nn.Module):
    """Norms after a convolution, a transposed one, a depthwise one, a sum of two, and one applied twice."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.depthwise, self.depthwise_norm = DepthwiseConv2d(8, 5), nn.BatchNorm2d(8)
        self.up, self.up_norm = nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4)
        self.left, self.right, self.sum_norm = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.twice, self.first, self.second = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.depthwise_norm(self.depthwise(self.norm(self.conv(x)).relu())).relu()
        x = self.up_norm(self.up(x)).relu()
        x = self.sum_norm(self.left(x) + self.right(x)).relu()
        return [self.first(self.twice(x)), self.second(self.twice(x))]


@pytest.fixture
def network():
    torch.manual_seed(0)
    model = Network()
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return model.eval()


def test_folding_batch_norm_keeps_the_function_and_removes_every_norm_it_can(network):
    image = torch.randn(1, 3, 16, 16)
    expected = network(image)
    folded = fold_batch_norm(network)
    for ours, theirs in zip(folded(image), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    norms = [name for name, module in folded.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms == ["first", "second"]


def test_folding_leaves_the_original_network_as_it_was(network):
    image = torch.randn(1, 3, 16, 16)
    before = [output.clone() for output in network(image)]
    fold_batch_norm(network)
    for ours, theirs in zip(network(image), before, strict=True):
        assert torch.equal(ours, theirs)


def test_the_pytorch_runtime_gives_the_outputs_of_the_plain_network(network):
    image = torch.randn(1, 3, 16, 16)
    expected = forward(network, image)
    runtime = TorchRuntime()
    runtime.prepare(network, image)
    runtime.run_once()
    check_output("network", runtime.output(), expected)
    assert len(runtime.output()) == 2


def test_a_runtime_with_another_output_is_refused_by_name():
    reference = [torch.ones(2, 3)]
    with pytest.raises(InputError, match=r"litepose-xs.*differs"):
        check_output("litepose-xs", [torch.ones(2, 3) * 1.05], reference)
    with pytest.raises(InputError, match=r"litepose-xs.*shapes"):
        check_output("litepose-xs", [torch.ones(2, 4)], reference)
    with pytest.raises(InputError, match="litepose-xs"):
        check_output("litepose-xs", [torch.full((2, 3), torch.nan)], reference)


def test_a_prepared_litepose_has_no_batch_norm_left_and_passes_its_check():
    torch.set_num_threads(1)
    runtime = prepare("litepose-xs", Protocol(warmup=1, repeats=1, share=1.0), seed=0)
    assert [tuple(output.shape) for output in runtime.output()] == [(1, 28, 64, 64), (1, 14, 128, 128)]
    folded = fold_batch_norm(realistic(models.create("litepose-xs")))
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]


def test_random_networks_get_activations_of_ordinary_size():
    torch.manual_seed(0)
    layers = [
        layer for _ in range(30) for layer in (nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    ]
    model = nn.Sequential(nn.Conv2d(3, 8, 1), *layers)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=1e-3)
            nn.init.zeros_(module.bias)
    image = torch.randn(1, 3, 32, 32)
    assert model.eval()(image).abs().max() < 1e-20
    assert realistic(model)(image).abs().max() > 0.1


def test_systems_are_timed_in_turns():
    clock, log = Clock(), []
    systems = {"a": clock.system(0.01, log, "a"), "b": clock.system(0.02, log, "b")}
    times = interleave(systems, Protocol(warmup=0, repeats=4, share=10), clock=clock)
    assert log == ["a", "b"] * 4
    assert times["a"] == pytest.approx([10] * 4)
    assert times["b"] == pytest.approx([20] * 4)


def test_a_slow_system_stops_at_its_share_but_not_before_three_runs():
    clock = Clock()
    systems = {"quick": clock.system(0.01), "slow": clock.system(1.0), "slowest": clock.system(9.0)}
    times = interleave(systems, Protocol(warmup=0, repeats=20, share=5), clock=clock)
    assert {system: len(runs) for system, runs in times.items()} == {"quick": 20, "slow": 5, "slowest": 3}


def test_warming_up_ends_with_its_number_of_runs_or_its_share_of_time():
    clock = Clock()
    assert warm_up(clock.system(0.01), Protocol(warmup=5, repeats=1, share=10), clock) == 5
    assert warm_up(clock.system(0.4), Protocol(warmup=5, repeats=1, share=10), clock) == 2
    assert warm_up(clock.system(30.0), Protocol(warmup=5, repeats=1, share=10), clock) == 1


def test_the_interval_of_few_runs_is_their_range():
    assert median_interval(np.array([3.0, 1.0, 2.0])) == (2.0, 1.0, 3.0)
    assert median_interval(np.array([7.0])) == (7.0, 7.0, 7.0)


@pytest.mark.parametrize("runs", [6, 9, 20, 51])
def test_the_interval_is_the_narrowest_pair_of_ranks_with_its_confidence(runs):
    _, low, high = median_interval(np.arange(runs, dtype=float))
    rank = int(low)
    assert high == runs - 1 - rank
    assert 1 - 2 * binom.cdf(rank, runs, 0.5) >= 0.95
    assert 1 - 2 * binom.cdf(rank + 1, runs, 0.5) < 0.95


def test_the_interval_covers_the_true_median_as_often_as_it_says():
    samples = np.random.default_rng(0).lognormal(size=(2000, 25))
    covered = [low <= 1 <= high for _, low, high in map(median_interval, samples)]
    assert 0.94 <= np.mean(covered) <= 0.99


def test_the_machine_states_its_processor_threads_and_versions():
    described = machine.describe()
    assert described["cpu"]
    assert described["threads"] == torch.get_num_threads()
    assert described["torch"] == torch.__version__
