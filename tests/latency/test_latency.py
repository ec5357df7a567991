"""Runtimes give PyTorch's outputs, and the protocol's times, budgets and intervals are right."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import stages.latency
from litepose import models
from litepose.core.errors import InputError
from litepose.latency import machine
from litepose.latency.measure import (
    Protocol,
    confidence_interval,
    measure_interleaved,
    measure_rounds,
    prepare,
    warm_up,
)
from litepose.latency.networks import outputs, with_batch_statistics
from litepose.models.blocks import DepthwiseConv2d
from litepose.models.litepose import LitePose
from litepose.runtimes import registry
from litepose.runtimes.eager import EagerRuntime
from litepose.runtimes.folding import fold_batch_norm
from litepose.runtimes.interface import Runtime, Unavailable, check_output
from stages.lib.latency.systems import runtimes_of

SECTION = {
    "systems": ["litepose-xs", "litepose-s"],
    "runtimes": {"pytorch": "all"},
    "threads": 1,
    "rounds": 2,
    "visits": 2,
    "warmup": 1,
    "repeats": 1,
    "max_seconds": 0.1,
}


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


@pytest.mark.parametrize("name", ["pytorch", "onnxruntime"])
def test_a_runtime_gives_the_outputs_of_the_plain_network_whenever_it_is_loaded(name, network):
    image = torch.randn(1, 3, 16, 16)
    expected = outputs(network, image)
    runtime = registry.create(name, "host", threads=1)
    runtime.prepare(network, image)
    for _ in range(2):
        runtime.load()
        runtime.run_once()
        for ours, theirs in zip(runtime.output(), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        runtime.unload()


def test_onnx_runtime_gives_pytorchs_outputs_for_a_lite_pose():
    torch.manual_seed(0)
    model = with_batch_statistics(LitePose(models.litepose.ARCHITECTURES["xs"], 14, depth=0.2))
    image = torch.randn(1, 3, 64, 64)
    prepare("xs", registry.create("onnxruntime", "host", threads=1), model, image, outputs(model, image))


def test_preparing_a_runtime_leaves_the_network_to_the_next_as_it_was(network):
    image = torch.randn(1, 3, 16, 16)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    runtime = EagerRuntime("host", 1)
    runtime.prepare(network, image)
    runtime.load()
    with torch.no_grad():
        for parameter in runtime._model.parameters():
            parameter.zero_()
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_importing_the_latency_code_imports_no_runtime_but_pytorch():
    code = "import sys, litepose.latency.measure, litepose.runtimes.registry; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"onnxruntime", "tvm"} & set(found.stdout.split())


def test_an_unknown_runtime_is_told_the_known_ones():
    with pytest.raises(InputError, match=r"unknown runtime 'tensorrt': use pytorch, "):
        registry.create("tensorrt", "host", threads=1)


def test_a_runtime_that_is_not_installed_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "litepose.runtimes.onnx_session", raising=False)
    sentence = r"latency\.runtimes: onnxruntime needs the package onnxruntime.*pip install 'litepose\[onnx\]'"
    with pytest.raises(InputError, match=sentence):
        runtimes_of({**SECTION, "runtimes": {"onnxruntime": "all"}})


def test_a_runtime_is_asked_for_all_systems_or_for_some():
    section = {**SECTION, "runtimes": {"pytorch": "all", "onnxruntime": ["litepose-s"]}}
    assert runtimes_of(section) == {"litepose-xs": ["pytorch"], "litepose-s": ["pytorch", "onnxruntime"]}
    for wrong in ("some", ["higherhrnet-w16"]):
        with pytest.raises(InputError, match=r"use all, or a list of latency\.systems"):
            runtimes_of({**SECTION, "runtimes": {"pytorch": wrong}})


def test_compilation_without_a_compiler_is_left_out(monkeypatch, network):
    monkeypatch.setenv("CXX", "no-such-compiler")
    runtime = registry.create("pytorch-compiled", "host", threads=1)
    with pytest.raises(Unavailable, match=r"needs a C\+\+ compiler, and no-such-compiler is not installed"):
        runtime.prepare(network, torch.randn(1, 3, 16, 16))


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Runs the stage on a device in an empty directory, and reads what it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(device, **changes):
        monkeypatch.setattr(sys, "argv", ["latency", device])
        stages.latency.main({"latency": {**SECTION, **changes}, "seed": 0})
        paths = (tmp_path / "metrics/latency" / f"{device}{end}.json" for end in ("", "_machine"))
        return [json.loads(path.read_text()) for path in paths]

    return run


def test_the_stage_times_a_system_per_runtime_and_leaves_out_what_the_machine_lacks(stage, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    names = {"pytorch": "all", "pytorch-compiled": "all"}
    timed, described = stage("host", systems=["litepose-xs"], runtimes=names)
    latency = timed["litepose-xs"]["pytorch"]
    assert list(timed["litepose-xs"]) == ["pytorch"]
    assert latency["low_ms"] <= latency["ms"] <= latency["high_ms"]
    assert latency["runs"] == 2
    assert described["threads"] == 1
    assert described["left_out"] == [
        "pytorch-compiled: torch.compile needs a C++ compiler, and no-such-compiler is not installed."
    ]


def test_an_interval_that_begins_close_to_zero_is_written_as_more_than_zero(stage, monkeypatch):
    def unsteady(prepared, *arguments):
        return {key: [np.array([1.0]), np.array([10.0])] for key in prepared}

    monkeypatch.setattr(stages.latency, "measure_rounds", unsteady)
    timed, _ = stage("host", systems=["litepose-xs"], runtimes={"pytorch": "all"})
    assert 0 < timed["litepose-xs"]["pytorch"]["low_ms"] < 0.001


def test_a_machine_without_a_gpu_leaves_cuda_empty_and_says_so(stage, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    timed, described = stage("cuda")
    assert timed == {}
    assert described["left_out"] == ["PyTorch finds no CUDA GPU here."]


def test_an_unknown_device_is_told_the_known_ones(stage):
    with pytest.raises(
        InputError, match=r"params.yaml: latency.devices: unknown device 'toaster': use host, "
    ):
        stage("toaster")


def test_a_runtime_with_another_output_is_refused_by_name():
    reference = [torch.ones(2, 3)]
    with pytest.raises(InputError, match=r"litepose-xs.*differs"):
        check_output("litepose-xs", [torch.ones(2, 3) * 1.05], reference)
    with pytest.raises(InputError, match=r"litepose-xs.*shapes"):
        check_output("litepose-xs", [torch.ones(2, 4)], reference)
    with pytest.raises(InputError, match="litepose-xs"):
        check_output("litepose-xs", [torch.full((2, 3), torch.nan)], reference)


def test_a_folded_litepose_has_no_batch_norm_left():
    folded = fold_batch_norm(models.create("litepose-xs").eval())
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
    assert with_batch_statistics(model)(image).abs().max() > 0.1


def test_systems_are_timed_in_turns():
    clock, log = Clock(), []
    systems = {"a": clock.system(0.01, log, "a"), "b": clock.system(0.02, log, "b")}
    times = measure_interleaved(systems, Protocol(warmup=0, repeats=4, share=10), clock=clock)
    assert log == ["a", "b"] * 4
    assert times["a"] == pytest.approx([10] * 4)
    assert times["b"] == pytest.approx([20] * 4)


def test_a_slow_system_stops_at_its_share_but_not_before_three_runs():
    clock = Clock()
    systems = {"quick": clock.system(0.01), "slow": clock.system(1.0), "slowest": clock.system(9.0)}
    times = measure_interleaved(systems, Protocol(warmup=0, repeats=20, share=5), clock=clock)
    assert {system: len(runs) for system, runs in times.items()} == {"quick": 20, "slow": 5, "slowest": 3}


def test_warming_up_ends_with_its_number_of_runs_or_its_share_of_time():
    clock = Clock()
    assert warm_up(clock.system(0.01), Protocol(warmup=5, repeats=1, share=10), clock) == 5
    assert warm_up(clock.system(0.4), Protocol(warmup=5, repeats=1, share=10), clock) == 2
    assert warm_up(clock.system(30.0), Protocol(warmup=5, repeats=1, share=10), clock) == 1


class Fake(Runtime):
    """Takes longer in every second round, and logs what is done with it."""

    def __init__(self, clock, log, name):
        self.clock, self.log, self.name, self.loads = clock, log, name, 0

    def load(self):
        self.loads += 1
        self.log.append(self.name)

    def run_once(self):
        self.clock.now += 0.02 if self.loads % 2 else 0.01

    def unload(self):
        self.log.append(f"{self.name} gone")


def test_a_visit_loads_warms_up_times_and_unloads_each_system_alone():
    clock, log = Clock(), []
    systems = {name: Fake(clock, log, name) for name in "abc"}
    times = measure_rounds(systems, Protocol(warmup=1, repeats=3, share=1.0), 2, 1, seed=0, clock=clock)
    assert [runs.tolist() for runs in times["a"]] == [pytest.approx([20] * 3), pytest.approx([10] * 3)]
    assert [item for item in log if len(item) > 1] == [f"{item} gone" for item in log[::2]]
    assert sorted(log[:6:2]) == sorted(log[6::2]) == ["a", "b", "c"]


def test_the_order_differs_between_rounds_and_is_the_seeds():
    def order(seed):
        clock, log = Clock(), []
        systems = {name: Fake(clock, log, name) for name in "abcdef"}
        measure_rounds(systems, Protocol(warmup=1, repeats=1, share=1.0), 3, 1, seed=seed, clock=clock)
        return log[::2]

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0)[:6] != order(0)[6:12]


def test_a_slow_system_is_visited_and_runs_once_in_a_round():
    clock = Clock()
    slow = Fake(clock, [], "slow")
    times = measure_rounds({"slow": slow}, Protocol(5, 5, share=0.005), 2, 9, seed=0, clock=clock)
    (first, second) = times["slow"]
    assert (len(first), len(second)) == (1, 1)


def test_quick_systems_are_visited_more_often_within_their_share_after_the_first_round():
    """A first visit takes two runs of 20 ms."""
    for share, visits, expected in ((0.1, 9, 2), (1.01, 9, 9), (1.01, 25, 25), (1.01, 99, 25)):
        clock, log = Clock(), []
        systems = {name: Fake(clock, log, name) for name in "ab"}
        times = measure_rounds(systems, Protocol(1, 1, share), 2, visits, seed=0, clock=clock)
        assert len(times["a"]) == len(times["b"]) == 1 + expected
        assert sorted(log[0:4:2]) == ["a", "b"]


def test_a_visit_counts_once_however_many_runs_it_has():
    few = confidence_interval([np.array([10.0]), np.array([20.0])])
    many = confidence_interval([np.full(100, 10.0), np.full(7, 20.0)])
    assert few == pytest.approx(many)
    assert few[0] == pytest.approx(200**0.5)


def test_the_interval_covers_the_true_latency_as_often_as_it_says():
    """Visits differ by 5 %, runs of a visit by 1 %."""
    rng = np.random.default_rng(0)
    levels = np.exp(rng.normal(0, 0.05, (1000, 5, 1)))
    samples = levels * np.exp(rng.normal(0, 0.01, (1000, 5, 5)))
    covered = [low <= 1 <= high for _, low, high in map(confidence_interval, map(list, samples))]
    assert 0.93 <= np.mean(covered) <= 0.97


def test_the_machine_states_its_processor_threads_and_versions():
    described = machine.describe("host", threads=3)
    assert described["cpu"]
    assert described["threads"] == 3
    assert described["torch"] == torch.__version__
