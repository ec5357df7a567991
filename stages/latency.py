"""Measure the latency of every system of Tables 1 and 2 at its published size on a device, per runtime.

Usage: python -m stages.latency DEVICE
"""

import logging
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from litepose import models
from litepose.cores import cores
from litepose.errors import InputError
from litepose.latency import machine, runtimes
from litepose.latency.measure import Protocol, in_rounds, interval
from litepose.latency.runtimes import Runtime, Unavailable, as_list, check_output
from report.systems import num_joints
from stages.common import params, run_stage, write_json

OUTPUT = Path("metrics/latency")
# Side in px of the images that give a random network its batch statistics.
CALIBRATION_SIZE = 128


def main() -> None:
    """Write `metrics/latency/<device>.json` and the description of the machine beside it."""
    started = time.perf_counter()
    device = sys.argv[1]
    machine.check(device)
    section, seed = params()["latency"], params()["seed"]
    wanted = runtimes_of(section)
    if device in machine.BOARDS:
        wanted = {system: ["tvm"] for system, names in wanted.items() if "tvm" in names}
    threads = section["threads"] or cores()
    absent = machine.missing(device)
    prepared, left_out = ({}, [absent]) if absent else prepare_all(wanted, device, threads, seed)
    for sentence in left_out:
        logging.info("left out: %s", sentence)
    measured = measure(prepared, section, seed)
    write_json(OUTPUT / f"{device}.json", measured, digits=12)
    description = machine.describe(device, threads) | ({"left_out": left_out} if left_out else {})
    seconds = time.perf_counter() - started
    write_json(OUTPUT / f"{device}_machine.json", {**description, "seconds": seconds}, digits=1)


def runtimes_of(section: dict[str, Any]) -> dict[str, list[str]]:
    """Names of the runtimes that each system is measured with.

    Raises:
        InputError: a runtime is unknown, or its systems are neither `all` nor some of `latency.systems`.
    """
    if section["rounds"] < 2:
        raise InputError(f"params.yaml: latency.rounds is {section['rounds']}: an interval needs at least 2.")
    wanted: dict[str, list[str]] = {system: [] for system in section["systems"]}
    for name, chosen in section["runtimes"].items():
        runtimes.check(name)
        systems = section["systems"] if chosen == "all" else chosen
        if not isinstance(systems, list) or not set(systems) <= set(wanted):
            raise InputError(
                f"params.yaml: latency.runtimes.{name} is {chosen!r}: use all, or a list of latency.systems."
            )
        for system in systems:
            wanted[system].append(name)
    return wanted


def prepare_all(
    wanted: dict[str, list[str]], device: str, threads: int, seed: int
) -> tuple[dict[tuple[str, str], Runtime], list[str]]:
    """Prepared runtimes by system and name, and a sentence on each that this machine lacks."""
    prepared, left_out = {}, {}
    for system, names in tqdm(wanted.items(), desc="prepare", disable=None):
        model, image = network(system, seed)
        reference = forward(model, image)
        for name in names:
            runtime = runtimes.create(name, device, threads)
            try:
                prepare(system, runtime, model, image, reference)
            except Unavailable as reason:
                left_out[name] = f"{name}: {reason}"
                continue
            prepared[system, name] = runtime
    return prepared, list(left_out.values())


def network(system: str, seed: int) -> tuple[nn.Module, Tensor]:
    """A system with random weights, in eval mode, and an image of its published size [1,3,H,W]."""
    torch.manual_seed(seed)
    model = realistic(models.create(system, num_joints(system)))
    size = models.published_input_size(system)
    return model, torch.randn(1, 3, size, size)


def prepare(system: str, runtime: Runtime, model: nn.Module, image: Tensor, reference: list[Tensor]) -> None:
    """Prepare a runtime and find its output equal to plain PyTorch's."""
    runtime.prepare(model, image)
    runtime.load()
    runtime.run_once()
    check_output(system, runtime.output(), reference)
    runtime.unload()
    machine.release_memory()


def measure(
    prepared: dict[tuple[str, str], Runtime], section: dict[str, Any], seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    """`ms`, `low_ms`, `high_ms` and the numbers of `visits` and of timed `runs`, by system and runtime."""
    share = section["max_seconds"] / max(section["rounds"] * len(prepared), 1)
    protocol = Protocol(section["warmup"], section["repeats"], share)
    times = in_rounds(prepared, protocol, section["rounds"], section["visits"], seed)
    measured: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for (system, name), visits in times.items():
        # Significant digits: a lower end close to zero must not become zero, which has no logarithm.
        ms, low, high = (float(f"{value:.4g}") for value in interval(visits))
        measured[system][name] = {
            "ms": ms,
            "low_ms": low,
            "high_ms": high,
            "visits": len(visits),
            "runs": sum(map(len, visits)),
        }
    return measured


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
