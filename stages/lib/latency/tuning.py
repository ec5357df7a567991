"""Tuning TVM's kernels of the systems that are timed with TVM on a device."""

import time
from collections.abc import Callable
from typing import Any

import torch
import tvm
from tqdm import tqdm

from litepose.core.cores import cores
from litepose.latency import machine
from litepose.runtimes import registry
from litepose.runtimes.devices import BOARDS
from litepose.runtimes.folding import fold_batch_norm
from litepose.runtimes.tvm import boards, gpu, targets
from litepose.runtimes.tvm.lowering import lower
from litepose.runtimes.tvm.tuning import Tuning, host_timer, tune
from stages.lib.common.parameters import Values
from stages.lib.latency.systems import TUNING, published_network, runtimes_of


def tune_device(device: str, values: Values) -> None:
    """Write `data/tuning/<device>.json`: times of tiles, those of an earlier tuning of this machine kept.

    A device that is not there keeps its file as it is; schedules for GPUs have no tiles.
    """
    path = TUNING / f"{device}.json"
    if registry.missing(device):
        if not path.is_file():
            Tuning(path).write()
        return
    section = values["latency"]
    threads = section["threads"] or cores()
    target = targets.target_of(device, threads)
    tuning = Tuning(path, f"{machine.name(device)}, {threads} threads, {target}")
    tuning.write()
    if section["trials"] and not gpu.is_gpu(target):
        targets.set_threads(threads)
        with torch.no_grad():
            tune_all(section, values["seed"], device, target, tuning)


def tune_all(
    section: dict[str, Any], seed: int, device: str, target: tvm.target.Target, tuning: Tuning
) -> None:
    """Measure tiles for the kernels of every system that is timed with TVM, until the time is over."""
    timer = boards.remote_timer(device, target) if device in BOARDS else host_timer(target)
    until = time.monotonic() + 60 * section["minutes"]
    for system in [system for system, names in runtimes_of(section).items() if "tvm" in names]:
        model, image = published_network(system, seed)
        module = lower(fold_batch_norm(model), tuple(image.shape), target)
        with tqdm(desc=f"tune {system}", unit=" schedules", disable=None) as progress:
            tune(module, target, tuning, section["trials"], timer, until, shown(progress))


def shown(progress: tqdm) -> Callable[[str], None]:
    """Count a measurement and show its kernel."""

    def on_trial(kernel: str) -> None:
        progress.set_postfix_str(kernel)
        progress.update()

    return on_trial
