"""What `dvc repro` will cost with the present params.yaml, stage by stage: images, MACs, time, memory, disk.

Usage: python -m tools.plan

No stage runs. A training is built as its stage builds it, with a fresh network; one step of it is timed on a
few drawn pictures, as are the tests, in a temporary directory. Nothing is written elsewhere.
"""

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from tqdm import tqdm

from litepose.core.cores import cores
from stages.lib.common.parameters import Values
from stages.lib.common.running import device, run_stage
from tools.lanes import default_lanes
from tools.planning.costs import Costs
from tools.planning.images import counts, to_fetch
from tools.planning.planner import STARTS, Planner
from tools.planning.timing import Limits
from tools.planning.trainings import Stage, stages
from tools.planning.work import Work, table, text

PIPELINE = Path("dvc.yaml")


def main(values: Values) -> None:
    """Print the table, what it rests on, and what it leaves out."""
    place, start = device(values["device"]), start_seconds()
    every = stages(PIPELINE, values)
    works = plan(every, values, place, start, Limits())
    print(text(table(works)))
    print(*remarks(every, works, values, start, place), sep="\n")


def plan(
    every: list[Stage],
    values: Values,
    place: torch.device,
    start: float,
    limits: Limits,
    only: set[str] | None = None,
) -> dict[str, Work]:
    """The work of stages by name, in their order.

    Args:
        every: stages of the pipeline.
        values: parameters of the run.
        place: device that networks run on.
        start: seconds that a Python process takes to load what a stage needs.
        limits: of a measurement.
        only: names of the stages to plan; all by default.
    """
    with tempfile.TemporaryDirectory(prefix="litepose-plan-") as temporary:
        number_of = counts(values)
        costs = Costs(values, number_of.classes, place, Path(temporary), limits)
        planner = Planner(every, values, number_of, costs, start)
        wanted = [stage for stage in every if only is None or stage.name in only]
        progress = tqdm(wanted, desc="plan", leave=False, disable=None)
        return {stage.name: planner.work(stage) for stage in progress}


def start_seconds() -> float:
    """Seconds that Python takes to load what a stage needs; once to have its files in memory, once timed."""
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import stages.kernels"], check=True)
    return time.perf_counter() - started


def remarks(
    every: list[Stage], works: Mapping[str, Work], values: Values, start: float, place: torch.device
) -> list[str]:
    """What the table rests on, and what it leaves out."""
    whole = sum(works.values(), Work())
    starts = [stage.name for stage in every if stage.module in STARTS]
    processes = values["compute"]["processes"] * values["compute"]["nodes"]
    lines = [
        f"In all {whole.seconds / 60:,.0f} minutes on {place}; of them are "
        f"{len(works) * start / 60:,.0f} minutes {len(works)} starts of Python in {start:.0f} s each.",
        f"Of {', '.join(starts)} the start alone is counted; DVC's own time is not.",
        f"Disk: {2 * whole.disk / 2**30:.1f} GiB for the outputs and their copies in DVC's cache, and up to "
        f"{whole.checkpoint / 2**30:.1f} GiB for the state of a training while it lasts.",
        "trained, tested: images, counted as often as they pass. memory: of a training step.",
    ]
    if (lanes := default_lanes(values)) > 1:
        lines.append(
            f"One by one, as dvc repro runs them; make repro runs {lanes} at a time, which takes less."
        )
    if place.type == "cpu" and os.getloadavg()[0] > cores() + 1:
        lines.append("Other programs keep the processor busy: on a quiet machine all of it takes less time.")
    if whole.share < 1:
        lines.append("measured at: part of a batch that the measured step had; time and memory are scaled.")
    if processes > 1:
        lines.append(f"{processes} processes share every batch; their exchange of gradients is not counted.")
    if values["recipe"]["compile"]:
        lines.append("recipe.compile: steps are timed without torch.compile.")
    return lines + to_fetch(values)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    run_stage(main)
