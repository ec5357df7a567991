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

from litepose.models.space import SPACES, Configuration, SearchSpace
from litepose.nas import costs, evolution
from litepose.nas.evaluator import Evaluator
from litepose.nas.history import Row
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values, chosen_run, section
from stages.lib.common.results import digest, write_json
from stages.lib.common.running import device, run_stage
from stages.lib.nas.evaluators import evaluators
from stages.lib.training.found import FOUND
from stages.lib.training.train import CHECKPOINTS, CODE
from stages.lib.training.training import space, trained

COSTS = Path("data/costs")  # models of what a configuration costs
EVALUATION_CODE = [Path("litepose") / part for part in ("inference", "evaluation", "nas")]


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


def read_problem(run: dict[str, Any], values: Values) -> Problem:
    """The problem of a run of the search, in the space of its supernet."""
    searched, depth = space(values, run["supernet"]), values["recipe"]["depth"]
    model, macs = costs.load(COSTS / f"{run['cost']}.json"), costs.PaperMacs()
    budget = run["budget"]
    if model.unit == macs.unit:
        budget = costs.scaled_budget(budget, SPACES[run["supernet"]], searched, depth)
    counted = macs.costs(searched, depth)
    started = time.perf_counter()
    predicted = model.costs(searched, depth)
    cost_us = (time.perf_counter() - started) / searched.size * 1e6
    return Problem(searched, counted, predicted, budget, model.unit, cost_us)


def devices(name: str) -> list[torch.device]:
    """Devices that configurations are judged on at the same time: with ``auto``, all GPUs."""
    count = torch.cuda.device_count() if name == "auto" else 0
    return [torch.device("cuda", number) for number in range(count)] if count > 1 else [device(name)]


def main(values: Values) -> None:
    """Write the found architecture, the history of the search, and its summary beside a random search's."""
    name = sys.argv[1]
    started = time.perf_counter()
    run = chosen_run("search.runs", values["search"]["runs"], name)
    problem = read_problem(run, values)
    logging.info(
        "%s: %d configurations of %.4g to %.4g G, budget %.4g %s",
        *(name, problem.space.size, problem.macs.min(), problem.macs.max(), problem.budget, problem.unit),
    )
    with section(f"search.runs.{name}"):
        evolved, drawn, states = search_twice(name, problem, run, values)
    best = max(evolved, key=lambda row: row["score"])
    write_history(name, problem, evolved, drawn)
    write_json(FOUND / f"{name}.json", best_architecture(best))
    seconds = round(time.perf_counter() - started)
    content = {**summary(problem, best, evolved, drawn), "seconds": seconds}
    write_json(Path("metrics/search") / f"{name}.json", content)
    for state in states:
        state.unlink()


def fingerprint(run: dict[str, Any], values: Values) -> str:
    """What decides the results of an interrupted search."""
    data = keypoint_data("crowdpose", values)
    files = [data.splits[split][0] for split in (*data.fit, "val")]
    weights = trained("supernet", run["supernet"], values["seed"])
    decisive = [{**values["search"], "runs": run}, values["recipe"], values["seed"]]
    return digest(decisive, *files, weights, COSTS / f"{run['cost']}.json", *CODE, *EVALUATION_CODE)


def search_twice(
    name: str, problem: Problem, run: dict[str, Any], values: Values
) -> tuple[list[Row], list[Row], list[Path]]:
    """Rows of the evolutionary and of the random search, and the files that hold their states."""
    settings = values["search"]
    evaluations = settings["population"] * settings["generations"]
    data, places = keypoint_data("crowdpose", values), devices(values["device"])
    states = [
        CHECKPOINTS / "search" / f"{name}-{fingerprint(run, values)[:12]}.{method}.json"
        for method in ("evolution", "random")
    ]
    known: dict[Configuration, float] = {}
    with tqdm(total=2 * evaluations, desc=f"search/{name}", disable=None) as progress:

        def logged(evaluator: Evaluator, candidate: Configuration) -> float:
            progress.update()
            if candidate in known:  # the random search begins as the evolution does
                return known[candidate]
            score = evaluator(candidate)
            logging.info("search/%s: AP %.2f for %s", name, score, candidate.genes)
            return score

        shared = {
            "space": problem.space,
            "costs": problem.costs,
            "budget": problem.budget,
            "evaluators": [
                functools.partial(logged, evaluator)
                for evaluator in evaluators(run["supernet"], data, settings, places, values)
            ],
            "seed": values["seed"],
        }
        evolved = evolution.search(
            **shared,
            population=settings["population"],
            generations=settings["generations"],
            mutation_probability=settings["mutation"],
            parents=settings["parents"],
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
