"""Evolutionary and random search for the best configuration under a cost budget (section 4)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from litepose.errors import InputError
from litepose.nas.space import Configuration, SearchSpace

# Candidates come from 2 % under the budget while so many draws find a new one there, else from 10 %, else
# from anywhere under it: a network much cheaper than allowed is rarely the best.
TOLERANCES = (0.02, 0.1, 1.0)
ATTEMPTS = 1000

Row = dict[str, Any]
Measure = Callable[[Configuration], float]
Draw = Callable[[torch.Generator], Configuration]


def search(
    space: SearchSpace,
    cost: Measure,
    budget: float,
    evaluate: Measure,
    population: int,
    generations: int,
    mutation_probability: float,
    parents: int,
    seed: int,
    state_path: Path,
) -> list[Row]:
    """Evolve configurations: a random generation, then mutations and crossovers of the best so far.

    What is drawn for a candidate depends only on the seed, its index and the generations before it, and every
    evaluation is saved at once, so that an interrupted search goes on as if it had not been.

    Args:
        space: where configurations come from.
        cost: a configuration's cost in the budget's unit; it is called thousands of times.
        budget: the most that a configuration may cost.
        evaluate: a configuration's score; higher is better.
        population: evaluations per generation.
        generations: number of generations, with the random one.
        mutation_probability: of each gene of a mutated parent.
        parents: how many of the best so far have offspring.
        seed: of all random choices.
        state_path: JSON file that holds the search's state; where it exists, the search goes on from it.

    Returns:
        One row per evaluated configuration, in order: ``index``, ``generation``, ``genes`` (the eight channel
        widths), ``resolution``, ``cost``, ``score``. No configuration comes twice; there are fewer rows than
        asked for only where nothing new is left under the budget.

    Raises:
        InputError: no configuration is under the budget, or the state is that of another search.
    """

    def offspring(rows: list[Row]) -> Draw:
        best = sorted(rows, key=lambda row: row["score"], reverse=True)[:parents]
        elite = [_configuration(row) for row in best]

        def draw(generator: torch.Generator) -> Configuration:
            picks = torch.randint(len(elite), (2,), generator=generator).tolist()
            if torch.rand((), generator=generator) < 0.5:
                return space.mutate(elite[picks[0]], mutation_probability, generator)
            return space.crossover(elite[picks[0]], elite[picks[1]], generator)

        return draw if elite else space.sample

    options = {"population": population, "mutation_probability": mutation_probability, "parents": parents}
    state = _State(state_path, _problem(space, budget, seed) | options)
    return _run(state, offspring, space, cost, budget, evaluate, population * generations, population, seed)


def random_search(
    space: SearchSpace,
    cost: Measure,
    budget: float,
    evaluate: Measure,
    evaluations: int,
    seed: int,
    state_path: Path,
) -> list[Row]:
    """Evaluate configurations drawn uniformly under the same budget, for comparison with `search`.

    Arguments, rows and errors are those of `search`; all rows are of generation 0.
    """
    state = _State(state_path, _problem(space, budget, seed))
    return _run(
        state, lambda rows: space.sample, space, cost, budget, evaluate, evaluations, evaluations, seed
    )


class _State:
    """The rows so far, kept in a file together with what identifies the search."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings, self.rows = path, json.loads(json.dumps(settings)), []
        if path.exists():
            saved = json.loads(path.read_text())
            if saved["settings"] != self.settings:
                raise InputError(f"{path} holds a search with other settings: delete it to start afresh.")
            self.rows = saved["rows"]

    def append(self, row: Row) -> None:
        self.rows.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"settings": self.settings, "rows": self.rows}))
        temporary.replace(self.path)


def _run(
    state: _State,
    propose: Callable[[list[Row]], Draw],
    space: SearchSpace,
    cost: Measure,
    budget: float,
    evaluate: Measure,
    evaluations: int,
    population: int,
    seed: int,
) -> list[Row]:
    for index in range(len(state.rows), evaluations):
        generation = index // population
        generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
        draws = propose(state.rows[: generation * population]), space.sample
        seen = {_configuration(row) for row in state.rows}
        candidate = _new_candidate(draws, cost, budget, seen, generator)
        if candidate is None:
            if not seen:
                raise InputError(
                    f"No configuration was found under the budget of {budget:g}: the smallest costs "
                    f"{cost(space.smallest):g}, so raise the budget or widen the search space."
                )
            break
        *widths, resolution = candidate.genes
        row = {"index": index, "generation": generation, "genes": widths, "resolution": resolution}
        state.append(row | {"cost": cost(candidate), "score": evaluate(candidate)})
    return state.rows


def _new_candidate(
    draws: tuple[Draw, ...],
    cost: Measure,
    budget: float,
    seen: set[Configuration],
    generator: torch.Generator,
) -> Configuration | None:
    for tolerance in TOLERANCES:
        for draw in draws:
            for _ in range(ATTEMPTS):
                candidate = draw(generator)
                if candidate not in seen and (1 - tolerance) * budget <= cost(candidate) <= budget:
                    return candidate
    return None


def _configuration(row: Row) -> Configuration:
    return Configuration.from_genes([*row["genes"], row["resolution"]])


def _problem(space: SearchSpace, budget: float, seed: int) -> dict[str, Any]:
    return {"ratios": space.ratios, "resolutions": space.resolutions, "budget": budget, "seed": seed}
