"""Train another system of Table 1 or 2 by its name in the zoo.

Usage: python -m stages.baselines NAME
"""

import sys

from stages.lib.common.parameters import Values, chosen_run, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.networks import Fresh
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule


def training(values: Values, run: str) -> Training:
    """One system, on its table's data set."""
    system = chosen_run("baselines.runs", values["baselines"]["runs"], run)
    return Training(
        stage="baselines",
        run=run,
        network=Fresh(run, values["recipe"]["depth"]),
        data=system["data"],
        resolution=system["resolution"],
        schedule=schedule(values, "baselines"),
    )


def main(values: Values) -> None:
    """Train one system."""
    train(training(values, sys.argv[1]), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
