"""Evolutionary and random search for the best configuration under a cost budget (section 4)."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from litepose.core.errors import InputError
from litepose.models.space import Configuration, SearchSpace
from litepose.nas.history import History, Row

# Candidates come from 2 % under the budget while a new one is left there, then from 10 %, then from anywhere
# under it: a network much cheaper than allowed is rarely the best.
TOLERANCES = (0.02, 0.1, 1.0)
ATTEMPTS = 1000  # at an offspring that keeps to the budget, before one is drawn from all that do

Measure = Callable[[Configuration], float]
Draw = Callable[[torch.Generator], Configuration]


def search(
    space: SearchSpace,
    costs: np.ndarray,
    budget: float,
    evaluators: Sequence[Measure],
    population: int,
    generations: int,
    mutation_probability: float,
    parents: int,
    seed: int,
    state_path: Path,
) -> list[Row]:
    """Evolve configurations: a random generation, then mutations and crossovers of the best so far.

    What is drawn for a candidate depends only on the seed, its index and the generations before it, and every
    evaluation is saved at once, so that neither an interruption nor the number of evaluators matters.

    Args:
        space: where configurations come from.
        costs: of all configurations [size], in the order of the space's table and in the budget's unit.
        budget: the most that a configuration may cost.
        evaluators: each gives a configuration's score, higher is better; all give the same. They work at the
            same time, in a thread each, on the candidates of one generation.
        population: evaluations per generation.
        generations: number of generations, with the random one.
        mutation_probability: of each gene of a mutated parent.
        parents: how many of the best so far have offspring.
        seed: of all random choices.
        state_path: JSON file that holds the search's state; where it exists, the search goes on from it.

    Returns:
        One row per evaluated configuration, in order: ``index``, ``generation``, ``genes`` (the eight channel
        widths), ``resolution``, ``cost``, ``score``, ``seconds`` (of the evaluation). No configuration comes
        twice; there are fewer rows than asked for only where nothing new is left under the budget.

    Raises:
        InputError: no configuration is under the budget, or the state is that of another search.
    """

    def offspring(rows: list[Row]) -> Draw | None:
        best = sorted(rows, key=lambda row: row["score"], reverse=True)[:parents]
        elite = [_configuration(row) for row in best]

        def draw(generator: torch.Generator) -> Configuration:
            picks = torch.randint(len(elite), (2,), generator=generator).tolist()
            if torch.rand((), generator=generator) < 0.5:
                return space.mutate(elite[picks[0]], mutation_probability, generator)
            return space.crossover(elite[picks[0]], elite[picks[1]], generator)

        return draw if elite else None

    options = {"population": population, "mutation_probability": mutation_probability, "parents": parents}
    history = History(state_path, _problem(space, budget, seed) | options)
    candidates = _Candidates(space, costs, budget, seed)
    return _run(history, candidates, offspring, evaluators, population * generations, population)


def random_search(
    space: SearchSpace,
    costs: np.ndarray,
    budget: float,
    evaluators: Sequence[Measure],
    evaluations: int,
    seed: int,
    state_path: Path,
) -> list[Row]:
    """Evaluate configurations drawn uniformly under the same budget, for comparison with `search`.

    Arguments, rows and errors are those of `search`; all rows are of generation 0.
    """
    history = History(state_path, _problem(space, budget, seed))
    candidates = _Candidates(space, costs, budget, seed)
    return _run(history, candidates, lambda rows: None, evaluators, evaluations, evaluations)


class _Candidates:
    """Draws configurations under the budget, no one twice."""

    def __init__(self, space: SearchSpace, costs: np.ndarray, budget: float, seed: int) -> None:
        self.space, self.costs, self.budget, self.seed = space, costs, budget, seed
        if costs.min() > budget:
            raise InputError(
                f"No configuration was found under the budget of {budget:g}: the smallest costs "
                f"{costs.min():g}, so raise the budget or widen the search space."
            )
        self.new = costs <= budget

    def draw(self, index: int, propose: Draw | None) -> Configuration | None:
        """A proposed configuration close under the budget, else any such, else None."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        for tolerance in TOLERANCES:
            fitting = self.new & (self.costs >= (1 - tolerance) * self.budget)
            left = np.flatnonzero(fitting)
            if len(left) == 0:
                continue
            row = int(left[torch.randint(len(left), (), generator=generator)])
            if propose:
                proposed = (self.space.index(propose(generator)) for _ in range(ATTEMPTS))
                row = next((one for one in proposed if fitting[one]), row)
            self.new[row] = False
            return self.space.at(row)
        return None

    def cost(self, configuration: Configuration) -> float:
        """In the budget's unit."""
        return float(self.costs[self.space.index(configuration)])


def _run(
    history: History,
    candidates: _Candidates,
    propose: Callable[[list[Row]], Draw | None],
    evaluators: Sequence[Measure],
    evaluations: int,
    population: int,
) -> list[Row]:
    def save(index: int, configuration: Configuration, score: float, seconds: float) -> None:
        *widths, resolution = configuration.genes
        place = {"index": index, "generation": index // population, "genes": widths, "resolution": resolution}
        history.add({**place, "cost": candidates.cost(configuration), "score": score, "seconds": seconds})

    for first in range(0, evaluations, population):
        draw = propose([row for row in history.rows if row["index"] < first])
        generation = range(first, min(first + population, evaluations))
        drawn = {index: found for index in generation if (found := candidates.draw(index, draw))}
        _evaluate({index: found for index, found in drawn.items() if index not in history}, evaluators, save)
    return history.rows


def _evaluate(
    waiting: Mapping[int, Configuration],
    evaluators: Sequence[Measure],
    save: Callable[[int, Configuration, float, float], None],
) -> None:
    """Score configurations, each by the next free evaluator; after an error, none is begun any more."""
    queue, lock, stopped = iter(waiting.items()), threading.Lock(), threading.Event()

    def work(evaluate: Measure) -> None:
        while not stopped.is_set():
            with lock:
                candidate = next(queue, None)
            if candidate is None:
                return
            index, configuration = candidate
            started = time.perf_counter()
            try:
                score = evaluate(configuration)
            except BaseException:
                stopped.set()
                raise
            with lock:
                save(index, configuration, score, time.perf_counter() - started)

    if len(evaluators) == 1:
        work(evaluators[0])
        return
    with ThreadPoolExecutor(len(evaluators)) as pool:
        try:
            list(pool.map(work, evaluators))
        finally:
            stopped.set()


def _configuration(row: Row) -> Configuration:
    return Configuration.from_genes([*row["genes"], row["resolution"]])


def _problem(space: SearchSpace, budget: float, seed: int) -> dict[str, Any]:
    return {"ratios": space.ratios, "resolutions": space.resolutions, "budget": budget, "seed": seed}
