"""Train a found architecture on COCO, from the CrowdPose supernet's weights (section 5.2, Table 2).

Usage: python -m stages.transfer {xs,s,m,l}
"""

import sys

from stages.lib.common.parameters import Values, chosen_run, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.found import Found, read_found
from stages.lib.training.networks import SubNetwork
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule, trained


def training(values: Values, run: str, found: Found) -> Training:
    """One architecture, with new predictions for COCO's joints."""
    supernet = chosen_run("transfer.runs", values["transfer"]["runs"], run)["supernet"]
    return Training(
        stage="transfer",
        run=run,
        network=SubNetwork(
            found.architecture, values["recipe"]["depth"], trained("supernet", supernet, values["seed"])
        ),
        data="coco",
        resolution=found.resolution,
        schedule=schedule(values, "transfer"),
    )


def main(values: Values) -> None:
    """Train one architecture."""
    run = sys.argv[1]
    train(training(values, run, read_found(run)), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
