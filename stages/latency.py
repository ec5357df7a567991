"""Measure the latency of every system of Tables 1 and 2 at its published size on a device, per runtime.

Usage: python -m stages.latency DEVICE
"""

import logging
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from litepose.core.cores import cores
from litepose.latency import machine
from litepose.latency.measure import Protocol, measure_rounds, prepare, summary
from litepose.latency.networks import outputs
from litepose.runtimes import registry
from litepose.runtimes.devices import BOARDS
from litepose.runtimes.interface import Runtime, Unavailable
from stages.lib.common.parameters import Values
from stages.lib.common.results import write_json
from stages.lib.common.running import run_stage
from stages.lib.latency.systems import TUNING, check_device, published_network, runtimes_of

OUTPUT = Path("metrics/latency")


def main(values: Values) -> None:
    """Write `metrics/latency/<device>.json` and the description of the machine beside it."""
    started = time.perf_counter()
    device = sys.argv[1]
    check_device(device)
    section, seed = values["latency"], values["seed"]
    wanted = runtimes_of(section)
    if device in BOARDS:
        wanted = {system: ["tvm"] for system, names in wanted.items() if "tvm" in names}
    threads = section["threads"] or cores()
    absent = registry.missing(device)
    prepared, left_out = ({}, [absent]) if absent else prepare_all(wanted, device, threads, seed)
    for sentence in left_out:
        logging.info("left out: %s", sentence)
    measured = measure(prepared, section, seed)
    write_json(OUTPUT / f"{device}.json", measured, digits=12)
    description = machine.describe(device, threads) | ({"left_out": left_out} if left_out else {})
    seconds = time.perf_counter() - started
    write_json(OUTPUT / f"{device}_machine.json", {**description, "seconds": seconds}, digits=1)


def prepare_all(
    wanted: dict[str, list[str]], device: str, threads: int, seed: int
) -> tuple[dict[tuple[str, str], Runtime], list[str]]:
    """Prepared runtimes by system and name, and a sentence on each that this machine lacks."""
    prepared, left_out = {}, {}
    for system, names in tqdm(wanted.items(), desc="prepare", disable=None):
        model, image = published_network(system, seed)
        reference = outputs(model, image)
        for name in names:
            runtime = registry.create(name, device, threads, TUNING / f"{device}.json")
            try:
                prepare(system, runtime, model, image, reference)
            except Unavailable as reason:
                left_out[name] = f"{name}: {reason}"
                continue
            prepared[system, name] = runtime
    return prepared, list(left_out.values())


def measure(
    prepared: dict[tuple[str, str], Runtime], section: dict[str, Any], seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    """What `summary` says of each, by system and runtime."""
    share = section["max_seconds"] / max(section["rounds"] * len(prepared), 1)
    protocol = Protocol(section["warmup"], section["repeats"], share)
    times = measure_rounds(prepared, protocol, section["rounds"], section["visits"], seed)
    measured: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for (system, name), visits in times.items():
        measured[system][name] = summary(visits)
    return measured


if __name__ == "__main__":
    run_stage(main)
