"""Fit a device's latency to measured networks of the search space, for searches under a latency budget.

Usage: python -m stages.latency_model DEVICE
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau
from tqdm import tqdm

from litepose.complexity import litepose_cost
from litepose.errors import InputError
from litepose.latency.measure import Protocol, interleave, warm_up
from litepose.latency.model import LatencyModel, features, leave_one_out
from litepose.latency.runtimes import Runtime
from litepose.latency.runtimes.eager import EagerRuntime
from litepose.models.litepose import LitePose
from litepose.models.space import Configuration, SearchSpace
from litepose.nas.stratified import stratified_sample
from litepose.skeletons import CROWDPOSE
from stages.common import params, run_stage, write_json
from stages.latency import realistic


def main() -> None:
    """Write `data/latency/<device>.json` and how well it predicts networks that it was not fitted to."""
    started = time.perf_counter()
    device = sys.argv[1]
    if device != "host":
        raise InputError(f"latency.devices names {device!r}: only `host` can be measured.")
    values = params()
    section, depth = values["latency_model"], values["recipe"]["depth"]
    settings = values["supernet"]["runs"][section["supernet"]]
    space = SearchSpace(tuple(settings["ratios"]), tuple(settings["resolutions"]))
    costs = space.costs(
        lambda architecture, side: litepose_cost(architecture, side, CROWDPOSE.num_joints, depth=depth)[
            "macs"
        ]
    )
    chosen = [space.at(row) for row in stratified_sample(costs, section["configurations"], values["seed"])]
    protocol = Protocol(section["warmup"], section["repeats"], section["max_seconds"] / len(chosen))
    milliseconds = measure(chosen, depth, protocol, values["seed"])
    known = np.concatenate(
        [features(one.architecture, one.resolution, CROWDPOSE.num_joints, depth) for one in chosen]
    )
    model = LatencyModel.fit(known, milliseconds)
    model.write(Path("data/latency") / f"{device}.json")
    errors = np.abs(leave_one_out(known, milliseconds))
    write_json(
        Path("metrics/latency_model") / f"{device}.json",
        {
            "configurations": len(chosen),
            "ms_min": float(milliseconds.min()),
            "ms_max": float(milliseconds.max()),
            "error_percent": 100 * float(errors.mean()),
            "error_percent_max": 100 * float(errors.max()),
            "kendall_tau": float(kendalltau(model.predict(known), milliseconds).statistic),
            "seconds": round(time.perf_counter() - started),
        },
    )


def measure(chosen: list[Configuration], depth: float, protocol: Protocol, seed: int) -> np.ndarray:
    """Median milliseconds of one image through each configuration [N], all measured in turns."""
    runtimes = {
        number: prepare(configuration, depth, protocol, seed)
        for number, configuration in enumerate(tqdm(chosen, desc="prepare", disable=None))
    }
    times = interleave({number: runtime.run_once for number, runtime in runtimes.items()}, protocol)
    return np.array([np.median(times[number]) for number in runtimes])


def prepare(configuration: Configuration, depth: float, protocol: Protocol, seed: int) -> Runtime:
    """A warmed-up runtime of a network with random weights."""
    torch.manual_seed(seed)
    model = realistic(LitePose(configuration.architecture, CROWDPOSE.num_joints, depth=depth))
    runtime = EagerRuntime("host", torch.get_num_threads())
    runtime.prepare(model, torch.randn(1, 3, configuration.resolution, configuration.resolution))
    runtime.load()
    warm_up(runtime.run_once, protocol)
    return runtime


if __name__ == "__main__":
    run_stage(main)
