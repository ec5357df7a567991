"""Do shared weights rank networks as trained weights do, and what does calibration bring (section 4)?

Usage: python -m stages.ranking {xs,lms}
"""

import copy
import functools
import logging
import math
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import kendalltau

from litepose.datasets.keypoints import KeypointDataset
from litepose.models.space import Configuration, SearchSpace
from litepose.nas.history import History, Row
from litepose.nas.stratified import stratified_sample
from litepose.training.pose import PoseTask
from stages.candidates import Evaluator, SharedImages
from stages.common import device, digest, params, run_stage, write_json
from stages.pose_run import depth, keypoint_data, task_arguments
from stages.search import macs
from stages.training_run import CODE, SHARED_SECTIONS, forget, train


def main() -> None:
    """Write three APs of each of some configurations, and how well the first ones predict the last."""
    name = sys.argv[1]
    values = params()
    section, settings = values["ranking"], values["supernet"]["runs"][name]
    space = SearchSpace(tuple(settings["ratios"]), tuple(settings["resolutions"]))
    costs = space.costs(functools.partial(macs, relative_depth=depth()))
    chosen = stratified_sample(costs, section["configurations"], values["seed"])

    data = keypoint_data("crowdpose")
    images = SharedImages(data, section["images"], section["calibration_images"], max(space.resolutions))
    judge = Evaluator(name, images, device(values["device"]))
    arguments = task_arguments(data, section["batch_size"])
    arguments["dataset"] = first_images(arguments["dataset"], section["train_images"])
    task_of = functools.partial(PoseTask, **arguments)

    weights = Path("data/models/supernet") / f"{name}.pt"
    shared = [values[key] for key in SHARED_SECTIONS]
    fingerprint = digest(section, settings, shared, weights, *CODE)
    state = Path("data/checkpoints/ranking") / f"{name}-{fingerprint[:12]}.json"
    history = History(state, {"fingerprint": fingerprint})
    for index, row in enumerate(chosen):
        if index not in history:
            started = time.perf_counter()
            configuration = space.at(row)
            scores = compare(f"{name}/{index}", configuration, judge, task_of, section)
            cost = {"macs_paper_g": float(costs[row]), "resolution": configuration.resolution}
            genes = {"genes": " ".join(map(str, configuration.genes[:-1]))}
            history.add({"index": index, **genes, **cost, **scores, "seconds": time.perf_counter() - started})
        forget("ranking", f"{name}/{index}")
    write(name, history.rows)
    state.unlink()


def first_images(dataset: KeypointDataset, count: int) -> KeypointDataset:
    """The data set with no more than its first images."""
    part = copy.copy(dataset)
    part.records = dataset.records[:count]
    return part


def compare(
    name: str,
    configuration: Configuration,
    judge: Evaluator,
    task_of: functools.partial[PoseTask],
    section: dict[str, Any],
) -> dict[str, float]:
    """AP in percent with inherited weights, after calibration, and after fine-tuning from there."""
    network, resolution = judge.network(configuration), configuration.resolution
    inherited = judge.average_precision(network, resolution)
    judge.calibrate(network, resolution)
    calibrated = judge.average_precision(network, resolution)
    train("ranking", name, network, task_of(resolution=resolution), section, curves=False)
    finetuned = judge.average_precision(network, resolution)
    logging.info("ranking/%s: AP %.2f, %.2f, %.2f", name, inherited, calibrated, finetuned)
    return {"AP_inherited": inherited, "AP_calibrated": calibrated, "AP_finetuned": finetuned}


def write(name: str, rows: list[Row]) -> None:
    """Write the table of all configurations, and its summary."""
    table = pd.DataFrame(rows)
    path = Path("plots/ranking") / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.drop(columns="seconds").round(4).to_csv(path, index=False)
    means = table[["AP_inherited", "AP_calibrated", "AP_finetuned"]].mean()
    write_json(
        Path("metrics/ranking") / f"{name}.json",
        {
            "configurations": len(table),
            **means.to_dict(),
            "calibration_gain": float(means["AP_calibrated"] - means["AP_inherited"]),
            **agreement("kendall", table["AP_calibrated"], table["AP_finetuned"]),
            **agreement("kendall_macs", table["macs_paper_g"], table["AP_finetuned"]),
            "seconds": round(table["seconds"].sum()),
        },
    )


def agreement(name: str, first: pd.Series, second: pd.Series) -> dict[str, float]:
    """Kendall's tau of two rankings and its p-value; nothing where one has ties only, and no tau exists."""
    found = kendalltau(first, second)
    if math.isnan(found.statistic):
        return {}
    return {f"{name}_tau": float(found.statistic), f"{name}_p": float(found.pvalue)}


if __name__ == "__main__":
    run_stage(main)
