"""Search the supernet for the best architecture under a MAC budget (section 4, search and fine-tune).

Usage: python -m stages.search {xs,s,m,l}
"""

import dataclasses
import functools
import logging
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from litepose.complexity import litepose_cost
from litepose.models.litepose import ARCHITECTURES
from litepose.models.supernet import Supernet
from litepose.nas import evolution
from litepose.nas.calibration import recalibrate
from litepose.nas.space import SPACES, Configuration, SearchSpace
from litepose.skeletons import CROWDPOSE
from litepose.training.pose import PoseTask
from stages.common import digest, params, run_stage, write_json
from stages.pose_run import average_precision, depth, keypoint_data, load_weights, task_arguments
from stages.training_run import CODE

NUM_JOINTS = CROWDPOSE.num_joints


def macs(configuration: Configuration, relative_depth: float) -> float:
    """Cost of a configuration in G, in the paper's convention, which its budgets are given in."""
    counted = litepose_cost(
        configuration.architecture, configuration.resolution, NUM_JOINTS, depth=relative_depth
    )
    return counted["macs_paper"] / 1e9


def scaled_budget(paper_budget: float, paper_space: SearchSpace, space: SearchSpace) -> float:
    """The paper's budget, scaled by the ratio of the largest networks of the run's and the paper's space."""
    ours, papers = (
        macs(Configuration(ARCHITECTURES["full"], max(of.resolutions)), relative_depth)
        for of, relative_depth in ((space, depth()), (paper_space, 1.0))
    )
    return paper_budget * ours / papers


class Judge:
    """Scores configurations by the AP of their shared weights, with batch-norm statistics of their own."""

    def __init__(self, supernet_name: str, section: dict[str, Any], space: SearchSpace) -> None:
        self.data = keypoint_data("crowdpose")
        self.task = PoseTask(
            resolution=max(space.resolutions), **task_arguments(self.data, section["calibration_images"])
        )
        self.images = self.data.load("val", section["images"])
        self.supernet = Supernet(NUM_JOINTS, depth=depth())
        self.supernet.load_state_dict(load_weights("supernet", supernet_name))
        self.supernet.to(self.task.device)
        self.views = functools.cache(self.task.views)

    def __call__(self, configuration: Configuration) -> float:
        """AP in percent on the first images of the val split."""
        network = self.supernet.extract(configuration.architecture)
        recalibrate(network, self.views(configuration.resolution))
        scores = average_precision(network, self.images, self.data.skeleton, configuration.resolution)
        return scores["AP"]


def main() -> None:
    """Write the found architecture, the history of the search, and its summary beside a random search's."""
    run = sys.argv[1]
    started = time.perf_counter()
    values = params()
    section = values["search"]
    supernet_name = section["runs"][run]["supernet"]
    settings = values["supernet"]["runs"][supernet_name]
    space = SearchSpace(tuple(settings["ratios"]), tuple(settings["resolutions"]))
    budget = scaled_budget(section["runs"][run]["budget"], SPACES[supernet_name], space)
    judge = Judge(supernet_name, section, space)
    evaluations = section["population"] * section["generations"]
    logging.info("%s: %d configurations, budget %.4g G, %d evaluations", run, space.size, budget, evaluations)

    weights = Path("data/models/supernet") / f"{supernet_name}.pt"
    fingerprint = digest(values["seed"], section, settings, values["evaluation"], weights, *CODE)
    state = Path("data/checkpoints/search") / f"{run}-{fingerprint[:12]}"
    shared = {
        "space": space,
        "cost": functools.partial(macs, relative_depth=depth()),
        "budget": budget,
        "seed": values["seed"],
    }
    with tqdm(total=2 * evaluations, desc=f"search/{run}", disable=None) as progress:

        def evaluate(configuration: Configuration) -> float:
            score = judge(configuration)
            progress.update()
            logging.info("search/%s: AP %.2f for %s", run, score, configuration.genes)
            return score

        evolved = evolution.search(
            **shared,
            evaluate=evaluate,
            population=section["population"],
            generations=section["generations"],
            mutation_probability=section["mutation"],
            parents=section["parents"],
            state_path=state.with_suffix(".evolution.json"),
        )
        drawn = evolution.random_search(
            **shared,
            evaluate=evaluate,
            evaluations=evaluations,
            state_path=state.with_suffix(".random.json"),
        )
    best = write_history(run, evolved, drawn)
    write_json(Path("data/search") / f"{run}.json", best_architecture(best))
    write_json(
        Path("metrics/search") / f"{run}.json",
        {
            "AP": best["score"],
            "random_AP": max(row["score"] for row in drawn),
            "macs_paper_g": best["cost"],
            "budget_macs_paper_g": budget,
            "resolution": best["resolution"],
            "evaluations": len(evolved),
            "configurations": space.size,
            "seconds": round(time.perf_counter() - started),
        },
    )
    for method in ("evolution", "random"):
        state.with_suffix(f".{method}.json").unlink()


def best_architecture(best: dict[str, Any]) -> dict[str, Any]:
    """The architecture file of a row of the history."""
    found = Configuration.from_genes([*best["genes"], best["resolution"]])
    return {**dataclasses.asdict(found.architecture), "resolution": found.resolution}


def write_history(run: str, evolved: list[dict], drawn: list[dict]) -> dict[str, Any]:
    """Write both searches as one table, and return the evolution's best row."""
    rows = [{"method": "evolution", **row} for row in evolved] + [
        {"method": "random", **row} for row in drawn
    ]
    table = pd.DataFrame(rows).rename(columns={"cost": "macs_paper_g", "score": "AP"})
    table["best_AP"] = table.groupby("method")["AP"].cummax()
    table["genes"] = [" ".join(map(str, genes)) for genes in table["genes"]]
    path = Path("plots/search") / f"{run}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(path, index=False)
    return max(evolved, key=lambda row: row["score"])


if __name__ == "__main__":
    run_stage(main)
