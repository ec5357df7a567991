"""Tune TVM's kernels of the systems that are timed with TVM on a device.

Usage: python -m stages.tuning DEVICE
"""

import sys
import time
from collections.abc import Callable

import torch
from tqdm import tqdm

from litepose.cores import cores
from litepose.latency import machine
from litepose.latency.runtimes.folding import fold_batch_norm
from litepose.latency.tvm import boards, gpu, targets
from litepose.latency.tvm.lowering import lower
from litepose.latency.tvm.runtime import TUNED
from litepose.latency.tvm.tuning import Tuning, host_timer, tune
from stages.common import params, run_stage
from stages.latency import network, runtimes_of


def main() -> None:
    """Write `data/tuning/<device>.json`: times of tiles, those of an earlier tuning of this machine kept.

    Schedules for GPUs have no tiles.
    """
    device = sys.argv[1]
    machine.check(device)
    section, seed = params()["latency"], params()["seed"]
    threads = section["threads"] or cores()
    target = boards.target(device) if device in machine.BOARDS else targets.host(threads)
    tuning = Tuning(TUNED / f"{device}.json", f"{machine.name(device)}, {threads} threads, {target}")
    tuning.write()
    if not section["trials"] or machine.missing(device) or device == "cuda" or gpu.is_gpu(target):
        return
    targets.set_threads(threads)
    timer = host_timer(target) if device == "host" else boards.remote_timer(device)
    until = time.monotonic() + 60 * section["minutes"]
    for system in [system for system, names in runtimes_of(section).items() if "tvm" in names]:
        model, image = network(system, seed)
        module = lower(fold_batch_norm(model), tuple(image.shape), target)
        with tqdm(desc=f"tune {system}", unit=" schedules", disable=None) as progress:
            tune(module, target, tuning, section["trials"], timer, until, shown(progress))


def shown(progress: tqdm) -> Callable[[str], None]:
    """Count a measurement and show its kernel."""

    def on_trial(kernel: str) -> None:
        progress.set_postfix_str(kernel)
        progress.update()

    return on_trial


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    run_stage(main)
