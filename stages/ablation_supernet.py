"""The rest of Table 3 from a supernet's weights: 0.5 LitePose, and LitePose-XS without a teacher.

Usage: python -m stages.ablation_supernet {half-supernet,xs-supernet}
"""

import sys

from stages.lib.common.parameters import Values, chosen_run, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.found import Found, read_found
from stages.lib.training.networks import SubNetwork
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule, trained


def training(values: Values, run: str, found: Found) -> Training:
    """One row, of the architecture and resolution that it names."""
    row = chosen_run("ablation.supernet_runs", values["ablation"]["supernet_runs"], run)
    supernet = trained("supernet", row["supernet"], values["seed"])
    return Training(
        stage="ablation",
        run=run,
        network=SubNetwork(found.architecture, values["recipe"]["depth"], supernet),
        data="crowdpose",
        resolution=found.resolution,
        schedule=schedule(values, "ablation"),
    )


def main(values: Values) -> None:
    """Train one row."""
    run = sys.argv[1]
    row = chosen_run("ablation.supernet_runs", values["ablation"]["supernet_runs"], run)
    train(training(values, run, read_found(row["architecture"])), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
