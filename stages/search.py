"""Search the supernet for the best architecture under a budget (section 4, search and fine-tune).

Usage: python -m stages.search {xs,s,m,l}

Evolution is repeated with several seeds, each time beside a random search of as many evaluations: does it
find better networks than chance? The network that the first seed's evolution finds is taken forward.
"""

import dataclasses
import functools
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from litepose.core.errors import InputError
from litepose.evaluation import bootstrap
from litepose.models.space import SPACES, Configuration, SearchSpace
from litepose.nas import costs, evolution
from litepose.nas.evaluator import Evaluator
from litepose.nas.history import Row
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import PARAMS, Values, chosen_run
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


@dataclasses.dataclass(frozen=True)
class Searches:
    """Rows of the evolutionary search and of the random one with the same seed, as many evaluations each."""

    evolution: list[Row]
    random: list[Row]


def devices(name: str) -> list[torch.device]:
    """Devices that networks run on at the same time: with ``auto``, all GPUs."""
    count = torch.cuda.device_count() if name == "auto" else 0
    return [torch.device("cuda", number) for number in range(count)] if count > 1 else [device(name)]


def main(values: Values) -> None:
    """Write the found architecture, the history of all searches, and what evolution gains over chance."""
    name = sys.argv[1]
    started = time.perf_counter()
    run = chosen_run("search.runs", values["search"]["runs"], name)
    problem = read_problem(run, values)
    logging.info(
        "%s: %d configurations of %.4g to %.4g G, budget %.4g %s",
        *(name, problem.space.size, problem.macs.min(), problem.macs.max(), problem.budget, problem.unit),
    )
    if problem.costs.min() > problem.budget:
        raise InputError(
            f"{PARAMS}: search.runs.{name}.budget is {run['budget']}, for the run's networks "
            f"{problem.budget:.4g} {problem.unit}: the smallest costs {problem.costs.min():.4g}, give more"
        )
    searches, states = search_all(name, problem, run, values)
    gain = held_out(run, list(searches.values()), values)
    write_history(name, problem, searches)
    first = searches[values["seed"]]
    write_json(FOUND / f"{name}.json", best_architecture(best(first.evolution)))
    seconds = round(time.perf_counter() - started)
    content = {**summary(problem, first), "repeats": len(searches), **gain, "seconds": seconds}
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


def search_all(
    name: str, problem: Problem, run: dict[str, Any], values: Values
) -> tuple[dict[int, Searches], list[Path]]:
    """The searches by their seeds, and the files that hold their states."""
    settings = values["search"]
    evaluations = settings["population"] * settings["generations"]
    stem = CHECKPOINTS / "search" / f"{name}-{fingerprint(run, values)[:12]}"
    searches: dict[int, Searches] = {}
    states: list[Path] = []
    known: dict[Configuration, float] = {}
    with tqdm(total=2 * settings["repeats"] * evaluations, desc=f"search/{name}", disable=None) as progress:
        measures = evaluating(name, run, known, progress, values)
        for seed in range(values["seed"], values["seed"] + settings["repeats"]):
            states += [Path(f"{stem}.{seed}.{method}.json") for method in ("evolution", "random")]
            shared: dict[str, Any] = {
                "space": problem.space,
                "costs": problem.costs,
                "budget": problem.budget,
                "evaluators": measures,
                "seed": seed,
            }
            evolved = evolution.search(
                **shared,
                population=settings["population"],
                generations=settings["generations"],
                mutation_probability=settings["mutation"],
                parents=settings["parents"],
                state_path=states[-2],
            )
            known |= {configuration(row): row["score"] for row in evolved}
            drawn = evolution.random_search(**shared, evaluations=evaluations, state_path=states[-1])
            known |= {configuration(row): row["score"] for row in drawn}
            searches[seed] = Searches(evolved, drawn)
    return searches, states


def evaluating(
    name: str, run: dict[str, Any], known: dict[Configuration, float], progress: tqdm, values: Values
) -> list[evolution.Measure]:
    """What evaluates configurations at the same time, each but once: on a CPU two share the threads.

    Half of an evaluation is decoding, in one thread, and small networks use few threads well.
    """
    places, threads = devices(values["device"]), torch.get_num_threads()
    shared_cpu = [place.type for place in places] == ["cpu"] and threads > 1
    places = 2 * places if shared_cpu else places

    def measure(evaluator: Evaluator, candidate: Configuration) -> float:
        progress.update()
        if candidate in known:  # a random search begins as the evolution does
            return known[candidate]
        if shared_cpu:  # PyTorch keeps the number per thread
            torch.set_num_threads(threads // 2)
        score = evaluator(candidate)
        logging.info("search/%s: AP %.2f for %s", name, score, candidate.genes)
        return score

    data = keypoint_data("crowdpose", values)
    made = evaluators(run["supernet"], data, values["search"], places, values)
    return [functools.partial(measure, evaluator) for evaluator in made]


def held_out(run: dict[str, Any], searches: Sequence[Searches], values: Values) -> dict[str, float]:
    """APs of the found networks on images that no search looked at, and what evolution gains over chance.

    The best of many evaluations owes part of its score to the images that it was chosen on. Intervals are
    over images and over the searches' seeds. The images are of the test split: nothing is decided by them.
    """
    data, settings = keypoint_data("crowdpose", values), values["search"]
    section = {**settings, "images": settings["held_out_images"]}
    place = devices(values["device"])[:1]
    (evaluator,) = evaluators(run["supernet"], data, section, place, values, split=data.test[0])
    matches = functools.cache(evaluator.matches)  # two searches may find the same network
    evolved = [matches(configuration(best(one.evolution))) for one in searches]
    drawn = [matches(configuration(best(one.random))) for one in searches]
    return {
        "held_out_images": len(evaluator.images.annotations),
        **in_percent("held_out_AP", bootstrap.interval(evolved)),
        **in_percent("held_out_random_AP", bootstrap.interval(drawn)),
        **in_percent("gain", bootstrap.difference(drawn, evolved)),
    }


def in_percent(name: str, interval: bootstrap.Interval) -> dict[str, float]:
    """An interval among the metrics."""
    values = {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return {key: 100 * value for key, value in values.items()}


def summary(problem: Problem, first: Searches) -> dict[str, Any]:
    """What the metrics say about the first seed's searches, whose found network goes on."""
    evaluated = {configuration(row): row["seconds"] for row in first.random + first.evolution}
    found = best(first.evolution)
    allowed = problem.costs[problem.costs <= problem.budget]
    near = allowed >= (1 - evolution.TOLERANCES[0]) * problem.budget
    return {
        "AP": found["score"],
        "random_AP": best(first.random)["score"],
        "macs_paper_g": float(problem.macs[problem.space.index(configuration(found))]),
        problem.unit: found["cost"],
        f"budget_{problem.unit}": problem.budget,
        "resolution": found["resolution"],
        "evaluations": len(first.evolution),
        "random_evaluations": len(first.random),
        "configurations": problem.space.size,
        "under_budget": len(allowed),
        "near_budget": int(near.sum()),  # where candidates come from first
        "macs_paper_g_min": float(problem.macs.min()),
        "macs_paper_g_max": float(problem.macs.max()),
        "cost_us": problem.cost_us,
        "evaluation_ms": 1000 * sum(evaluated.values()) / len(evaluated),
    }


def best(rows: list[Row]) -> Row:
    """The row with the highest score."""
    return max(rows, key=lambda row: row["score"])


def configuration(row: Row) -> Configuration:
    """The configuration of a row."""
    return Configuration.from_genes([*row["genes"], row["resolution"]])


def best_architecture(found: Row) -> dict[str, Any]:
    """The architecture file of a row."""
    chosen = configuration(found)
    return {**dataclasses.asdict(chosen.architecture), "resolution": chosen.resolution}


def write_history(name: str, problem: Problem, searches: Mapping[int, Searches]) -> None:
    """Write all searches as one table: a row per evaluation, and the best AP of its search so far."""
    rows = [
        {"seed": seed, "method": method, **row}
        for seed, both in searches.items()
        for method, one in (("evolution", both.evolution), ("random", both.random))
        for row in one
    ]
    names = {"index": "evaluated", "cost": problem.unit, "score": "AP"}
    table = pd.DataFrame(rows).drop(columns="seconds").rename(columns=names)
    table["evaluated"] += 1
    table["macs_paper_g"] = [problem.macs[problem.space.index(configuration(row))] for row in rows]
    table["best"] = table.groupby(["seed", "method"])["AP"].cummax()
    table["genes"] = [" ".join(map(str, genes)) for genes in table["genes"]]
    path = Path("plots/search") / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(path, index=False)


if __name__ == "__main__":
    run_stage(main)
