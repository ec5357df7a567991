"""Train HigherHRNet-W16 or one of its gradual shrinkings (section 3.2, Figures 2 and 3).

Usage: python -m stages.shrink {baseline,shrink1,shrink2,shrink3}
"""

import sys

from stages.lib.common.parameters import Values, chosen_run, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.networks import Fresh
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule

SYSTEMS = {"baseline": "higherhrnet-w16"} | {
    f"shrink{step}": f"higherhrnet-w16-shrink{step}" for step in (1, 2, 3)
}


def training(values: Values, run: str) -> Training:
    """One configuration."""
    return Training(
        stage="shrink",
        run=run,
        network=Fresh(chosen_run("shrink.runs", SYSTEMS, run), values["recipe"]["depth"]),
        data="crowdpose",
        resolution=values["shrink"]["resolution"],
        schedule=schedule(values, "shrink"),
    )


def main(values: Values) -> None:
    """Train one configuration."""
    train(training(values, sys.argv[1]), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
