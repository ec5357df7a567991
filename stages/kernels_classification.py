"""Train the backbone of 0.5 LitePose with one kernel size on image classification (Figure 7).

Usage: python -m stages.kernels_classification KERNEL
"""

import sys

from stages.lib.common.parameters import Values, chosen_run, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.networks import Classifier
from stages.lib.training.train import train
from stages.lib.training.training import CLASSIFICATION, Training, schedule


def training(values: Values, run: str) -> Training:
    """One kernel size."""
    section = values["kernels_classification"]
    kernel = chosen_run("kernels_classification.runs", section["runs"], run)
    return Training(
        stage="kernels_classification",
        run=run,
        network=Classifier(kernel, values["recipe"]["depth"]),
        data=CLASSIFICATION,
        resolution=section["resolution"],
        schedule=schedule(values, "kernels_classification"),
    )


def main(values: Values) -> None:
    """Train one kernel size."""
    train(training(values, sys.argv[1]), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
