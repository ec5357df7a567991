"""TVM computes what PyTorch computes, with every schedule of the space, and tunes no kernel twice."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch
import tvm
from torch import fx
from tvm import relax, s_tir

import stages.tuning
from litepose.core.errors import InputError
from litepose.latency import machine
from litepose.models.litepose import ARCHITECTURES, LitePose
from litepose.runtimes import registry
from litepose.runtimes.devices import BOARDS
from litepose.runtimes.interface import as_list, check_output
from litepose.runtimes.tvm import boards, gpu, schedules, targets
from litepose.runtimes.tvm.lowering import lower
from litepose.runtimes.tvm.schedules import Tile
from litepose.runtimes.tvm.tuning import Tuning, kernels, scheduled, tune
from support.every_operator import EveryOperator

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA GPU")


@pytest.fixture(scope="module")
def target():
    targets.set_threads(1)
    return targets.host(1)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return fx.symbolic_trace(EveryOperator().eval())


@pytest.fixture(scope="module")
def image():
    return torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(1))


def run(module, target, image):
    machine = relax.VirtualMachine(relax.build(module, target), tvm.cpu())
    return [torch.from_numpy(out.numpy()) for out in machine["main"](tvm.runtime.tensor(image.numpy()))]


def expect_equal(outputs, network, image):
    for ours, theirs in zip(outputs, network(image), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_compiled_network_computes_what_pytorch_computes(network, image, target):
    module = scheduled(lower(network, tuple(image.shape), target), target, {})
    expect_equal(run(module, target, image), network, image)


@torch.no_grad()
def test_every_tile_of_a_kernel_computes_the_same(network, image, target):
    module = lower(network, tuple(image.shape), target)
    lanes = schedules.vector_lanes(target)
    spaces = {}
    for kernel in kernels(module):
        schedule = s_tir.Schedule(kernel)
        spaces[schedules.kernel_name(schedule)] = schedules.tiles(schedule, lanes)
    assert min(len(space) for name, space in spaces.items() if name) > 1
    for choice in (1, -1):
        tiles = {name: space[min(choice, len(space) - 1)] for name, space in spaces.items() if space}
        expect_equal(run(scheduled(module, target, tiles), target, image), network, image)


@torch.no_grad()
def test_a_gpus_threads_one_after_another_compute_the_same(network, image, target, monkeypatch):
    turing = gpu.target((7, 5), target)
    module = lower(network, tuple(image.shape), turing)
    monkeypatch.setattr(s_tir.Schedule, "bind", lambda schedule, loop, thread: None)
    expect_equal(run(scheduled(module, turing, {}), target, image), network, image)


@pytest.mark.skipif(not shutil.which("nvcc"), reason="CUDA's nvcc, which compiles for GPUs, is not installed")
def test_a_network_is_compiled_for_a_gpu(network, image, target):
    turing = gpu.target((7, 5), target)
    module = scheduled(lower(network, tuple(image.shape), turing), turing, {})
    (host,) = relax.build(module, turing).mod.imports
    assert [code.kind for code in host.imports] == ["cuda"]


def test_lowering_leaves_the_network_as_it_was(network, image, target):
    before = network.code
    lower(network, tuple(image.shape), target)
    assert network.code == before
    assert network.head.out_channels == 14


@torch.no_grad()
@pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=needs_gpu)])
def test_the_tvm_runtime_gives_the_outputs_of_a_lite_pose(device):
    torch.manual_seed(0)
    model = LitePose(ARCHITECTURES["xs"], 14, depth=0.1).eval()
    image = torch.randn(1, 3, 64, 64)
    expected = as_list(model(image))
    runtime = registry.create("tvm", device, 1)
    runtime.prepare(model, image)
    for _ in range(2):
        runtime.load()
        runtime.run_once()
        check_output("litepose", runtime.output(), expected)
        runtime.unload()


def test_an_interrupted_tuning_goes_on_where_it_was(network, image, target, tmp_path):
    module = lower(network, tuple(image.shape), target)
    path, timed = tmp_path / "host.json", []

    def timer(kernel, shapes):
        timed.append(kernel)
        if len(timed) == 9:
            raise KeyboardInterrupt
        return float(len(timed))

    with pytest.raises(KeyboardInterrupt):
        tune(module, target, Tuning(path, "here"), 2, timer, time.monotonic() + 100)
    finished = len(Tuning(path, "here").best())
    assert finished == 2
    tune(module, target, Tuning(path, "here"), 2, timer, time.monotonic() + 100)
    spaces = [schedules.tiles(s_tir.Schedule(one), 8) for one in kernels(module)]
    wanted = sum(2 * min(2, len(space)) for space in spaces)  # both tiles are finalists and timed twice
    assert len(timed) == 9 + wanted - 4 * finished
    tune(module, target, Tuning(path, "here"), 2, timer, time.monotonic() + 100)
    assert len(timed) == 9 + wanted - 4 * finished


def test_tuning_begins_no_kernel_after_its_time(network, image, target, tmp_path):
    module = lower(network, tuple(image.shape), target)
    tuning = Tuning(tmp_path / "host.json", "here")
    tune(module, target, tuning, 2, lambda kernel, shapes: 1.0, time.monotonic() - 1)
    assert tuning.best() == {}


def test_the_fastest_tile_wins_and_times_of_another_machine_are_not_mixed_in(tmp_path):
    path = tmp_path / "host.json"
    tuning = Tuning(path, "here")
    slow, fast = Tile(4, 2, 8, False), Tile(8, 1, 8, True)
    tuning.add("kernel", slow, 20.0)
    tuning.add("kernel", fast, 10.0)
    tuning.write()
    assert Tuning(path).best() == {"kernel": fast}
    assert Tuning(path, "here").measured("kernel") == [fast, slow]
    assert Tuning(path, "there").best() == {}


def test_the_shortest_of_several_times_of_a_tile_counts(tmp_path):
    tuning = Tuning(tmp_path / "host.json")
    lucky, steady = Tile(4, 2, 8, False), Tile(8, 1, 8, True)
    for tile, microseconds in ((lucky, 12.0), (steady, 20.0), (lucky, 13.0), (steady, 11.0)):
        tuning.add("kernel", tile, microseconds)
    assert tuning.measured("kernel") == [steady, lucky]


def test_the_fastest_tiles_are_timed_once_more(network, image, target, tmp_path):
    module = lower(network, tuple(image.shape), target)
    tuning, times = Tuning(tmp_path / "host.json"), {}

    def timer(kernel, shapes):  # every kernel is slow at first
        times[kernel.script()] = times.get(kernel.script(), 100.0) / 2
        return times[kernel.script()]

    tune(module, target, tuning, 5, timer, time.monotonic() + 100)
    kernel = next(name for name in tuning.best() if len(tuning.measured(name)) == 5)
    recorded = json.loads((tmp_path / "host.json").read_text())["kernels"][kernel]
    assert sorted(entry["us"] for entry in recorded) == [25.0, 25.0, 25.0, 50.0, 50.0]


def test_a_broken_record_is_refused_by_name(tmp_path):
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(InputError, match=r"host\.json"):
        Tuning(tmp_path / "host.json", "here")


@pytest.mark.parametrize("family", ["x86-64-v3", "x86-64-v4"])
def test_every_compiled_system_has_shipped_tiles(family):
    tiles = targets.shipped(tvm.target.Target({"kind": "llvm", "mcpu": family}))
    assert {"1x258x258x3", "1x450x450x3", "1x514x514x3"} <= {name.split()[1] for name in tiles}


def test_each_device_has_its_target(target):
    assert str(targets.target_of("host", 1)) == str(target)
    assert targets.target_of("pi4", 1).attrs["mcpu"] == "cortex-a72"
    assert gpu.is_gpu(targets.target_of("nano", 1))


@pytest.fixture
def tuning_stage(tmp_path, monkeypatch):
    """Runs the stage on a device, with no trials asked for, and reads the file that it leaves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TVM_TRACKER_HOST", raising=False)

    def run(device):
        monkeypatch.setattr(sys, "argv", ["tuning", device])
        stages.tuning.main({"latency": {"runtimes": {"tvm": "all"}, "threads": 1, "trials": 0}, "seed": 0})
        return (tmp_path / f"data/tuning/{device}.json").read_text()

    return run


def test_without_trials_the_record_of_this_machine_is_written_all_the_same(tuning_stage):
    record = json.loads(tuning_stage("host"))
    assert record["kernels"] == {}
    assert "1 threads" in record["machine"]


def test_a_board_that_is_not_attached_keeps_what_was_tuned_on_it(tuning_stage, tmp_path):
    assert json.loads(tuning_stage("pi4"))["kernels"] == {}
    tuning = Tuning(tmp_path / "data/tuning/pi4.json", "pi4, 1 threads")
    tuning.add("kernel", Tile(4, 2, 4, False), 10.0)
    tuning.write()
    before = (tmp_path / "data/tuning/pi4.json").read_text()
    assert tuning_stage("pi4") == before


@pytest.fixture
def loopback(monkeypatch):
    """A board that is this machine, behind a tracker and a server of its own."""
    if not shutil.which("g++"):
        pytest.skip("g++ links what is compiled for a board, and is not installed")
    board = {"target": {"kind": "llvm", "mcpu": "x86-64-v2", "num-cores": 1}, "compiler": "g++"}
    monkeypatch.setitem(BOARDS, "loopback", board)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("TVM_TRACKER_HOST", "127.0.0.1")
    monkeypatch.setenv("TVM_TRACKER_PORT", str(port))
    ports = ("--port", str(port), "--port-end", str(port + 1))
    with started("tvm.exec.rpc_tracker", "--host", "127.0.0.1", *ports):
        yield lambda: started("tvm.exec.rpc_server", "--key", "loopback", "--tracker", f"127.0.0.1:{port}")


@contextlib.contextmanager
def started(module, *arguments):
    """A server that runs until the end, with the processes that it has started."""
    command = [sys.executable, "-m", module, *arguments]
    server = subprocess.Popen(command, process_group=0, stderr=subprocess.DEVNULL)
    yield
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


@torch.no_grad()
def test_a_board_computes_the_same_tells_its_own_time_and_is_tuned(loopback, network, image, tmp_path):
    wait_for("no RPC server with this key")
    with loopback():
        wait_for("")
        prepared = [registry.create("tvm", "loopback", 1) for _ in range(2)]
        for runtime in prepared:
            runtime.prepare(network, image)
        for runtime in prepared * 2:
            runtime.load()
            assert 0 < runtime.run_once() < 60
            expect_equal(runtime.output(), network, image)
            runtime.unload()
            machine.release_memory()
        wait_for("")
        target = targets.target_of("loopback", 1)
        module = lower(network, tuple(image.shape), target)
        tuning = Tuning(tmp_path / "loopback.json", "loopback")
        tune(module, target, tuning, 1, boards.remote_timer("loopback", target), time.monotonic() + 60)
        assert len(tuning.best()) == 5


@pytest.mark.parametrize(("address", "reason"), [("", "do not say where"), ("127.0.0.1", "no RPC tracker")])
def test_a_board_that_is_not_attached_is_left_out_with_a_sentence(monkeypatch, address, reason):
    monkeypatch.setitem(BOARDS, "bench", {"target": {"kind": "llvm"}, "compiler": "true"})
    monkeypatch.setenv("TVM_TRACKER_HOST", address)
    monkeypatch.setenv("TVM_TRACKER_PORT", "9")
    assert reason in registry.missing("bench")


def wait_for(reason):
    """Until the board is missing for this reason; attached, for none."""
    for _ in range(200):
        told = boards.missing("loopback")
        if reason in told and (reason or not told):
            return
        time.sleep(0.1)
    pytest.fail(f"after 20 seconds: {told}")
