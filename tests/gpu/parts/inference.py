"""Part 4: milliseconds of the systems of Tables 1 and 2 by runtime and batch; outputs are the processor's."""

import gc
import itertools
from functools import lru_cache, partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gpu.record import NotRun, Numbers, Record, Within
from gpu.sizes import Sizes
from litepose import models
from litepose.latency import measure, networks
from litepose.runtimes import registry
from litepose.runtimes.interface import check_output

ROUNDS, RUNS, WARMUP = 3, 50, 10
SECONDS = {"pytorch": 5, "pytorch-compiled": 40, "tvm": 40, "onnxruntime": 20}  # that a system takes at least


def run(record: Record, device: torch.device, sizes: Sizes) -> None:
    """Measure all items, runtime by runtime: all systems in PyTorch come before any that is compiled."""
    for runtime, system in itertools.product(sizes.runtimes, sizes.systems):
        names = {batch: f"{system}, batch {batch}: {runtime}" for batch in sizes.batches}
        for batch, name in names.items():
            measured = partial(timed, system, runtime, batch, device, sizes)
            record.measure(name, measured, SECONDS[runtime] if sizes.compiled else 0)


class Given(NamedTuple):
    """A system with random weights, in eval mode, an image [1,3,H,W], and the processor's outputs for it."""

    model: nn.Module
    image: Tensor
    expected: list[Tensor]


@lru_cache(maxsize=1)
def network(system: str, sizes: Sizes) -> Given:
    """A system, and an image of its published size."""
    joints = models.published_num_joints(system)
    side = sizes.input_side or models.published_input_size(system)
    model, image = networks.random_network(
        lambda: models.create(system, joints, depth=sizes.depth), side, seed=0
    )
    return Given(model, image, networks.outputs(model, image))


def timed(
    system: str,
    name: str,
    batch: int,
    device: torch.device,
    sizes: Sizes,
) -> Numbers:
    """Median milliseconds of a pass, and their interval; the outputs must be PyTorch's on the processor.

    Raises:
        InputError: they are not, or the runtime is not installed.
        NotRun: PyTorch finds no such device.
    """
    if reason := registry.missing("cuda" if device.type == "cuda" else "host"):
        raise NotRun(reason)
    place = "cuda" if device.type == "cuda" else "host"
    runtime, given = registry.create(name, place, torch.get_num_threads()), network(system, sizes)
    if "compiled" in name:
        torch.compiler.reset()
    try:
        runtime.prepare(given.model, given.image.expand(batch, -1, -1, -1).contiguous())
        runtime.load()
        runtime.run_once()
        found = runtime.output()
        runtime.unload()
        check_output(system, found, [tensor.expand(batch, *tensor.shape[1:]) for tensor in given.expected])
        protocol = measure.Protocol(WARMUP, RUNS, sizes.inference_seconds)
        visits = measure.measure_rounds({system: runtime}, protocol, ROUNDS, visits=1, seed=0)[system]
        milliseconds, low, high = measure.confidence_interval(visits)
    finally:
        del runtime
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return {
        "ms": milliseconds,
        "low_ms": low,
        "high_ms": high,
        "images_per_s": 1000 * batch / milliseconds,
        "output_error": Within(output_error(found, given.expected), 1e-2),
    }


def output_error(found: list[Tensor], expected: list[Tensor]) -> float:
    """Largest difference as a share of the largest value, over the outputs and the images."""
    errors = [
        ((ours - theirs).abs().max() / theirs.abs().max()).item()
        for ours, theirs in zip(found, expected, strict=True)
    ]
    return max(errors)
