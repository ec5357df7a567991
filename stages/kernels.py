"""Train 0.5 LitePose with one kernel size on pose (section 3.4, Figure 7, Table 3).

Usage: python -m stages.kernels KERNEL
"""

import sys

from stages.lib.common.parameters import Values, chosen_run, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.networks import Fresh
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule


def training(values: Values, run: str) -> Training:
    """One kernel size."""
    kernel = chosen_run("kernels.runs", values["kernels"]["runs"], run)
    return Training(
        stage="kernels",
        run=run,
        network=Fresh("litepose-half", values["recipe"]["depth"], {"kernel": kernel}),
        data="crowdpose",
        resolution=values["kernels"]["resolution"],
        schedule=schedule(values, "kernels"),
    )


def main(values: Values) -> None:
    """Train one kernel size."""
    train(training(values, sys.argv[1]), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
