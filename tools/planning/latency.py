"""How long the latency stages take: the time that they are given, and the preparation of every runtime."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from litepose import complexity, models
from litepose.core.cores import cores
from litepose.latency.measure import prepare
from litepose.latency.networks import outputs
from litepose.runtimes import registry
from litepose.runtimes.devices import BOARDS
from litepose.runtimes.interface import Unavailable
from stages.lib.latency.systems import TUNING, check_device, published_network, runtimes_of

RUNS = 2  # of a runtime while it is prepared, and at least in each round
CHANNELS, SIDE = 256, 64  # of the convolution that stands for those of large networks


@dataclass(frozen=True)
class Size:
    """What the time of a system depends on: its layers, and its multiply-accumulates of one image."""

    layers: int
    macs: int


def seconds(section: dict[str, Any], device: str, seed: int) -> float:
    """Seconds of a latency stage; none where its device is missing.

    The system of the smallest input is prepared, and the others are taken to need as long per layer. What
    they have to run takes longer than the time that they are given where the systems are large.

    Args:
        section: ``latency`` of the parameters.
        device: that is measured.
        seed: of the weights.
    """
    check_device(device)
    if registry.missing(device):
        return 0.0
    wanted = runtimes_of(section)
    if device in BOARDS:
        wanted = {system: ["tvm"] for system, names in wanted.items() if "tvm" in names}
    if not any(wanted.values()):
        return 0.0
    smallest = min((system for system in wanted if wanted[system]), key=models.published_input_size)
    per_layer = preparation(smallest, wanted[smallest], device, section["threads"] or cores(), seed)
    slowest, per_mac = max(per_layer.values(), default=0.0), seconds_per_mac() if device == "host" else 0.0
    preparing, round_of_all = 0.0, 0.0
    for system, names in wanted.items():
        of_system = size(system)
        runs = RUNS * per_mac * of_system.macs
        preparing += sum(per_layer.get(name, slowest) * of_system.layers + runs for name in names)
        round_of_all += len(names) * runs
    return preparing + max(section["max_seconds"], section["rounds"] * round_of_all)


def preparation(system: str, names: list[str], device: str, threads: int, seed: int) -> dict[str, float]:
    """Seconds per layer to prepare a system's runtimes; those that this machine lacks are left out."""
    layers, found = size(system).layers, {}
    started = time.perf_counter()
    model, image = published_network(system, seed)
    reference = outputs(model, image)
    building = (time.perf_counter() - started) / len(names)
    for name in names:
        runtime = registry.create(name, device, threads, TUNING / f"{device}.json")
        started = time.perf_counter()
        try:
            prepare(system, runtime, model, image, reference)
        except Unavailable:
            continue
        found[name] = (building + time.perf_counter() - started) / layers
    return found


@torch.inference_mode()
def seconds_per_mac() -> float:
    """Seconds of a multiply-accumulate in the convolutions that large networks spend their time in."""
    layer, features = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), torch.randn(1, CHANNELS, SIDE, SIDE)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        layer(features)
        times.append(time.perf_counter() - started)
    return min(times) / (9 * CHANNELS**2 * SIDE**2)


def size(system: str) -> Size:
    """The size of a published system."""
    with torch.device("meta"):
        network: nn.Module = models.create(system, models.published_num_joints(system))
    layers = sum(not list(module.children()) for module in network.modules())
    return Size(layers, complexity.count(network, models.published_input_size(system))["macs"])


def tuning_seconds(section: dict[str, Any]) -> float:
    """Seconds of a tuning stage at most; it has nothing to do without trials."""
    return 60.0 * section["minutes"] if section["trials"] else 0.0
