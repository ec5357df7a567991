"""Train a one-shot supernet from the pre-trained weights (section 4, one-shot supernet training).

Usage: python -m stages.supernet {xs,lms}
"""

import sys

from stages.lib.common.parameters import Values, chosen_run
from stages.lib.common.running import run_stage
from stages.lib.training.networks import SharedWeights
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule, space, trained


def training(values: Values, run: str) -> Training:
    """One supernet, in its space's largest resolution and below."""
    chosen_run("supernet.runs", values["supernet"]["runs"], run)
    return Training(
        stage="supernet",
        run=run,
        network=SharedWeights(values["recipe"]["depth"], trained("pretrain", "full", values["seed"])),
        data="crowdpose",
        resolution=max(space(values, run).resolutions),
        schedule=schedule(values, f"supernet.runs.{run}"),
        space=space(values, run),
    )


def main(values: Values) -> None:
    """Train one supernet."""
    train(training(values, sys.argv[1]), values, [values["seed"]])


if __name__ == "__main__":
    run_stage(main, parallel=True)
