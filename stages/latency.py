"""Measure the latency of every system of Tables 1 and 2 at its published size on a device.

Usage: python -m stages.latency DEVICE
"""

import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from litepose import models
from litepose.errors import InputError
from litepose.latency import machine
from litepose.latency.measure import Protocol, interleave, median_interval, warm_up
from litepose.latency.runtimes import Runtime, TorchRuntime, as_list, check_output
from litepose.report.systems import num_joints
from stages.common import params, run_stage, write_json

OUTPUT = Path("metrics/latency")
# Side in px of the images that give a random network its batch statistics.
CALIBRATION_SIZE = 128


def main() -> None:
    """Write `metrics/latency/<device>.json` and the description of the machine beside it."""
    started = time.perf_counter()
    device = sys.argv[1]
    if device != "host":
        raise InputError(f"latency.devices names {device!r}: only `host` can be measured.")
    section, seed = params()["latency"], params()["seed"]
    systems = section["systems"]
    protocol = Protocol(section["warmup"], section["repeats"], section["max_seconds"] / max(len(systems), 1))
    prepared = {
        system: prepare(system, protocol, seed) for system in tqdm(systems, desc="prepare", disable=None)
    }
    with tqdm(desc="measure", unit=" runs", disable=None) as progress:
        runs = {system: runtime.run_once for system, runtime in prepared.items()}
        times = interleave(runs, protocol, lambda system: progress.update())
    measured = {}
    for system, milliseconds in times.items():
        ms, low, high = median_interval(milliseconds)
        measured[system] = {"ms": ms, "low_ms": low, "high_ms": high, "runs": len(milliseconds)}
    write_json(OUTPUT / f"{device}.json", measured, digits=2)
    seconds = time.perf_counter() - started
    write_json(
        OUTPUT / f"{device}_machine.json",
        {**machine.describe(), "runtime": "PyTorch", "seconds": seconds},
        digits=1,
    )


def prepare(system: str, protocol: Protocol, seed: int) -> Runtime:
    """A warmed-up runtime of a system, its output found equal to plain PyTorch's."""
    torch.manual_seed(seed)
    model = realistic(models.create(system, num_joints(system)))
    size = models.published_input_size(system)
    image = torch.randn(1, 3, size, size)
    reference = forward(model.to(memory_format=torch.channels_last), image)
    runtime = TorchRuntime()
    runtime.prepare(model, image)
    warm_up(runtime.run_once, protocol)
    check_output(system, runtime.output(), reference)
    return runtime


@torch.inference_mode()
def forward(model: nn.Module, image: Tensor) -> list[Tensor]:
    """Outputs of a network as it is."""
    return as_list(model(image))


@torch.no_grad()
def realistic(model: nn.Module) -> nn.Module:
    """Give a random network batch statistics of its own activations, in eval mode.

    With the initial statistics, activations of deep networks shrink into denormal numbers, on which
    processors are slower than on any that a trained network makes.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model.train()(torch.randn(2, 3, CALIBRATION_SIZE, CALIBRATION_SIZE))
    return model.eval()


if __name__ == "__main__":
    run_stage(main)
