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
from litepose.core.errors import InputError
from litepose.latency.measure import Protocol, measure_interleaved, warm_up
from litepose.latency.networks import random_network
from litepose.models.litepose import LitePose
from litepose.models.space import Configuration, SearchSpace
from litepose.nas.costs import NUM_JOINTS, Latency
from litepose.nas.latency_model import LatencyModel, features, leave_one_out
from litepose.nas.stratified import stratified_sample
from litepose.runtimes.eager import EagerRuntime
from litepose.runtimes.interface import Runtime
from stages.lib.common.parameters import Values, chosen_run, section
from stages.lib.common.results import write_json
from stages.lib.common.running import run_stage


def main(values: Values) -> None:
    """Write `data/costs/<device>.json` and how well it predicts networks that it was not fitted to."""
    started = time.perf_counter()
    device = sys.argv[1]
    if device != "host":
        raise InputError(f"a latency model of {device!r} was asked for: only `host` can be measured")
    options, depth, seed = values["latency_model"], values["recipe"]["depth"], values["seed"]
    chosen = configurations(values, options["configurations"], depth)
    protocol = Protocol(options["warmup"], options["repeats"], options["max_seconds"] / len(chosen))
    milliseconds = measure(chosen, depth, protocol, seed)
    known = np.concatenate([features(one.architecture, one.resolution, NUM_JOINTS, depth) for one in chosen])
    with section("latency_model.configurations"):
        model = LatencyModel.fit(known, milliseconds)
        errors = np.abs(leave_one_out(known, milliseconds))
    Latency(model).write(Path("data/costs") / f"{device}.json")
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


def configurations(values: Values, count: int, depth: float) -> list[Configuration]:
    """Configurations of the chosen supernet's space, spread evenly over its range of true MACs."""
    runs = values["supernet"]["runs"]
    settings = chosen_run("supernet.runs", runs, values["latency_model"]["supernet"])
    space = SearchSpace(tuple(settings["ratios"]), tuple(settings["resolutions"]))
    macs = space.costs(
        lambda architecture, side: np.asarray(
            litepose_cost(architecture, side, NUM_JOINTS, depth=depth)["macs"]
        )
    )
    return [space.at(row) for row in stratified_sample(macs, count, values["seed"])]


def measure(chosen: list[Configuration], depth: float, protocol: Protocol, seed: int) -> np.ndarray:
    """Median milliseconds of one image through each configuration [N], all measured in turns."""
    runtimes = {
        number: prepare(configuration, depth, protocol, seed)
        for number, configuration in enumerate(tqdm(chosen, desc="prepare", disable=None))
    }
    times = measure_interleaved({number: runtime.run_once for number, runtime in runtimes.items()}, protocol)
    return np.array([np.median(times[number]) for number in runtimes])


def prepare(configuration: Configuration, depth: float, protocol: Protocol, seed: int) -> Runtime:
    """A warmed-up runtime of a network with random weights."""
    model, image = random_network(
        lambda: LitePose(configuration.architecture, NUM_JOINTS, depth=depth), configuration.resolution, seed
    )
    runtime = EagerRuntime("host", torch.get_num_threads())
    runtime.prepare(model, image)
    runtime.load()
    warm_up(runtime.run_once, protocol)
    return runtime


if __name__ == "__main__":
    run_stage(main)
