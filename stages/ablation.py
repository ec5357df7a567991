"""The rest of Table 3 from scratch: without the fusion head, and LitePose-XS without a supernet.

Usage: python -m stages.ablation {no-fusion,xs-scratch}
"""

import sys

from stages.lib.common.parameters import Values, chosen_run, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.found import Found, read_found
from stages.lib.training.networks import Fresh
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule


def training(values: Values, run: str, found: Found) -> Training:
    """One row, of the architecture and resolution that it names."""
    row = chosen_run("ablation.runs", values["ablation"]["runs"], run)
    options = {"architecture": found.architecture, "fusion": row["fusion"]}
    return Training(
        stage="ablation",
        run=run,
        network=Fresh("litepose-half", values["recipe"]["depth"], options),
        data="crowdpose",
        resolution=found.resolution,
        schedule=schedule(values, "ablation"),
    )


def main(values: Values) -> None:
    """Train one row."""
    run = sys.argv[1]
    row = chosen_run("ablation.runs", values["ablation"]["runs"], run)
    train(training(values, run, read_found(row["architecture"])), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
