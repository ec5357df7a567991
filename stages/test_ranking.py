"""Do shared weights rank networks as trained weights do, and what does calibration bring (section 4)?

Usage: python -m stages.test_ranking {xs,lms}
"""

import logging
import math
import sys
import time
from pathlib import Path

import pandas as pd
from scipy.stats import kendalltau

from litepose.models import weights
from litepose.models.litepose import Architecture
from litepose.models.space import Configuration
from litepose.nas import costs
from litepose.nas.evaluator import Evaluator
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values
from stages.lib.common.results import write_json
from stages.lib.common.running import device, run_stage
from stages.lib.nas.evaluators import evaluators
from stages.lib.testing.networks import files
from stages.lib.training.training import space


def main(values: Values) -> None:
    """Write three APs of each fine-tuned configuration, and how well the first ones predict the last."""
    name = sys.argv[1]
    started = time.perf_counter()
    data, place = keypoint_data("crowdpose", values), device(values["device"])
    (evaluator,) = evaluators(name, data, values["ranking"], [place], values)
    searched = space(values, name)
    macs = costs.PaperMacs().costs(searched, values["recipe"]["depth"])
    rows = []
    for index, file in files(f"ranking/{name}").items():
        finetuned = weights.load(file)
        configuration = Configuration(architecture(finetuned), finetuned.input_size)
        cost = float(macs[searched.index(configuration)])
        scores = compare(configuration, finetuned, evaluator)
        logging.info("ranking/%s/%d: AP %s", name, index, ", ".join(f"{ap:.2f}" for ap in scores.values()))
        genes = " ".join(map(str, configuration.genes[:-1]))
        place_in_space = {"macs_paper_g": cost, "resolution": configuration.resolution}
        rows.append({"index": index, "genes": genes, **place_in_space, **scores})
    write(name, pd.DataFrame(rows), time.perf_counter() - started)


def architecture(finetuned: weights.Trained) -> Architecture:
    """The channel widths of a fine-tuned network."""
    widths = finetuned.model.architecture
    assert isinstance(widths, Architecture)  # the ranking trains Lite Pose networks
    return widths


def compare(
    configuration: Configuration, finetuned: weights.Trained, evaluator: Evaluator
) -> dict[str, float]:
    """AP in percent with inherited weights, after calibration, and after fine-tuning from there."""
    network, resolution = evaluator.network(configuration), configuration.resolution
    inherited = evaluator.average_precision(network, resolution)
    evaluator.calibrate(network, resolution)
    return {
        "AP_inherited": inherited,
        "AP_calibrated": evaluator.average_precision(network, resolution),
        "AP_finetuned": evaluator.average_precision(finetuned.model.to(evaluator.device), resolution),
    }


def write(name: str, table: pd.DataFrame, seconds: float) -> None:
    """Write the table of all configurations, and its summary."""
    path = Path("plots/ranking") / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(path, index=False)
    means = table[["AP_inherited", "AP_calibrated", "AP_finetuned"]].mean()
    write_json(
        Path("metrics/ranking") / f"{name}.json",
        {
            "configurations": len(table),
            **means.to_dict(),
            "calibration_gain": float(means["AP_calibrated"] - means["AP_inherited"]),
            **agreement("kendall", table["AP_calibrated"], table["AP_finetuned"]),
            **agreement("kendall_macs", table["macs_paper_g"], table["AP_finetuned"]),
            "seconds": round(seconds),
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
