"""Search the supernet for the best architecture under a budget (section 4, search and fine-tune).

Usage: python -m stages.search {xs,s,m,l}
"""

import dataclasses
import functools
import logging
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from litepose.complexity import litepose_cost
from litepose.latency import model as latency
from litepose.models.litepose import Architecture
from litepose.models.space import SPACES, Configuration, SearchSpace
from litepose.nas import evolution
from litepose.nas.history import Row
from litepose.skeletons import CROWDPOSE
from stages.candidates import Evaluator, SharedImages
from stages.common import device, digest, params, run_stage, write_json
from stages.pose_run import depth, keypoint_data
from stages.training_run import CODE, SHARED_SECTIONS

NUM_JOINTS = CROWDPOSE.num_joints  # of the costs, whatever the data's joints: the budgets are CrowdPose's
# A run's `cost` that means MACs; otherwise it is the latency model of a device, data/latency/<device>.json
MACS = "litepose/complexity.py"


def macs(architecture: Architecture, resolution: int, relative_depth: float) -> np.ndarray:
    """Costs in G, in the paper's convention, which its budgets are given in."""
    return litepose_cost(architecture, resolution, NUM_JOINTS, depth=relative_depth)["macs_paper"] / 1e9


def milliseconds(
    architecture: Architecture, resolution: int, relative_depth: float, model: latency.LatencyModel
) -> np.ndarray:
    """Costs in milliseconds on the device that the model was fitted to."""
    return model.predict(latency.features(architecture, resolution, NUM_JOINTS, relative_depth))


def scaled_budget(paper_budget: float, paper_space: SearchSpace, space: SearchSpace) -> float:
    """The paper's MAC budget, scaled by the ratio of the largest networks of the run's and its space."""
    ours, papers = (
        macs(of.largest.architecture, of.largest.resolution, relative_depth)
        for of, relative_depth in ((space, depth()), (paper_space, 1.0))
    )
    return paper_budget * ours / papers


@dataclasses.dataclass(frozen=True)
class Problem:
    """A search's space and what its configurations cost.

    Attributes:
        space: of the supernet.
        macs: of all configurations [size], G in the paper's convention.
        costs: of all configurations [size], in the budget's unit.
        budget: the most that a configuration may cost.
        unit: name of the costs among the metrics, ``macs_paper_g`` or ``ms``.
        cost_us: microseconds that it took to predict one configuration's cost.
    """

    space: SearchSpace
    macs: np.ndarray
    costs: np.ndarray
    budget: float
    unit: str
    cost_us: float


def read_problem(run: dict[str, Any], settings: dict[str, Any]) -> Problem:
    """The problem of a run of the search, in the space of its supernet's settings."""
    space = SearchSpace(tuple(settings["ratios"]), tuple(settings["resolutions"]))
    count = functools.partial(macs, relative_depth=depth())
    if run["cost"] == MACS:
        predict, unit = count, "macs_paper_g"
        budget = scaled_budget(run["budget"], SPACES[run["supernet"]], space)
    else:
        model = latency.LatencyModel.read(Path(run["cost"]))
        predict, unit = functools.partial(milliseconds, relative_depth=depth(), model=model), "ms"
        budget = run["budget"]
    counted = space.costs(count)
    started = time.perf_counter()
    costs = space.costs(predict)
    cost_us = (time.perf_counter() - started) / space.size * 1e6
    return Problem(space, counted, costs, budget, unit, cost_us)


def devices(name: str) -> list[torch.device]:
    """Devices that configurations are judged on at the same time: with ``auto``, all GPUs."""
    count = torch.cuda.device_count() if name == "auto" else 0
    return [torch.device("cuda", number) for number in range(count)] if count > 1 else [device(name)]


def main() -> None:
    """Write the found architecture, the history of the search, and its summary beside a random search's."""
    name = sys.argv[1]
    started = time.perf_counter()
    values = params()
    section = values["search"]
    run = section["runs"][name]
    settings = values["supernet"]["runs"][run["supernet"]]
    problem = read_problem(run, settings)
    logging.info(
        "%s: %d configurations of %.4g to %.4g G, budget %.4g %s",
        *(name, problem.space.size, problem.macs.min(), problem.macs.max(), problem.budget, problem.unit),
    )
    weights = Path("data/models/supernet") / f"{run['supernet']}.pt"
    cost = Path(run["cost"])
    decisive = [{**section, "runs": run}, settings, *(values[key] for key in SHARED_SECTIONS)]
    evolved, drawn, states = search_twice(name, problem, digest(decisive, weights, cost, *CODE))
    best = max(evolved, key=lambda row: row["score"])
    write_history(name, problem, evolved, drawn)
    write_json(Path("data/search") / f"{name}.json", best_architecture(best))
    write_json(
        Path("metrics/search") / f"{name}.json",
        {
            **summary(problem, best, evolved, drawn),
            "seconds": round(time.perf_counter() - started),
        },
    )
    for state in states:
        state.unlink()


def search_twice(name: str, problem: Problem, fingerprint: str) -> tuple[list[Row], list[Row], list[Path]]:
    """Rows of the evolutionary and of the random search, and the files that hold their states."""
    values = params()
    section = values["search"]
    evaluations = section["population"] * section["generations"]
    images = SharedImages(
        keypoint_data("crowdpose"),
        section["images"],
        section["calibration_images"],
        max(problem.space.resolutions),
    )
    supernet = section["runs"][name]["supernet"]
    judges = [Evaluator(supernet, images, one) for one in devices(values["device"])]
    states = [
        Path("data/checkpoints/search") / f"{name}-{fingerprint[:12]}.{method}.json"
        for method in ("evolution", "random")
    ]
    known: dict[Configuration, float] = {}
    with tqdm(total=2 * evaluations, desc=f"search/{name}", disable=None) as progress:

        def logged(judge: Evaluator, candidate: Configuration) -> float:
            progress.update()
            if candidate in known:  # the random search begins as the evolution does
                return known[candidate]
            score = judge(candidate)
            logging.info("search/%s: AP %.2f for %s", name, score, candidate.genes)
            return score

        shared = {
            "space": problem.space,
            "costs": problem.costs,
            "budget": problem.budget,
            "evaluators": [functools.partial(logged, judge) for judge in judges],
            "seed": values["seed"],
        }
        evolved = evolution.search(
            **shared,
            population=section["population"],
            generations=section["generations"],
            mutation_probability=section["mutation"],
            parents=section["parents"],
            state_path=states[0],
        )
        known |= {configuration(row): row["score"] for row in evolved}
        drawn = evolution.random_search(**shared, evaluations=evaluations, state_path=states[1])
    return evolved, drawn, states


def summary(problem: Problem, best: Row, evolved: list[Row], drawn: list[Row]) -> dict[str, Any]:
    """What the metrics say about both searches."""
    evaluated = {configuration(row): row["seconds"] for row in drawn + evolved}
    return {
        "AP": best["score"],
        "random_AP": max(row["score"] for row in drawn),
        "macs_paper_g": float(problem.macs[problem.space.index(configuration(best))]),
        problem.unit: best["cost"],
        f"budget_{problem.unit}": problem.budget,
        "resolution": best["resolution"],
        "evaluations": len(evolved),
        "random_evaluations": len(drawn),
        "configurations": problem.space.size,
        "macs_paper_g_min": float(problem.macs.min()),
        "macs_paper_g_max": float(problem.macs.max()),
        "cost_us": problem.cost_us,
        "evaluation_ms": 1000 * sum(evaluated.values()) / len(evaluated),
    }


def configuration(row: Row) -> Configuration:
    """The configuration of a row."""
    return Configuration.from_genes([*row["genes"], row["resolution"]])


def best_architecture(best: Row) -> dict[str, Any]:
    """The architecture file of a row."""
    found = configuration(best)
    return {**dataclasses.asdict(found.architecture), "resolution": found.resolution}


def write_history(name: str, problem: Problem, evolved: list[Row], drawn: list[Row]) -> None:
    """Write both searches as one table."""
    rows = [{"method": "evolution", **row} for row in evolved] + [
        {"method": "random", **row} for row in drawn
    ]
    table = pd.DataFrame(rows).drop(columns="seconds").rename(columns={"cost": problem.unit, "score": "AP"})
    table["macs_paper_g"] = [problem.macs[problem.space.index(configuration(row))] for row in rows]
    table["best_AP"] = table.groupby("method")["AP"].cummax()
    table["genes"] = [" ".join(map(str, genes)) for genes in table["genes"]]
    path = Path("plots/search") / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(path, index=False)


if __name__ == "__main__":
    run_stage(main)
