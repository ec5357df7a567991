"""Fine-tune a found architecture from the supernet's weights (section 5.2, fine-tuning).

Usage: python -m stages.finetune {s,m,l}
"""

import sys

from stages.lib.common.parameters import Values, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.found import Found, read_found
from stages.lib.training.networks import SubNetwork
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule, trained

SUPERNET = "lms"


def training(values: Values, run: str, found: Found) -> Training:
    """One of the final CrowdPose networks, of the found architecture and resolution."""
    supernet = trained("supernet", SUPERNET, values["seed"])
    return Training(
        stage="finetune",
        run=run,
        network=SubNetwork(found.architecture, values["recipe"]["depth"], supernet),
        data="crowdpose",
        resolution=found.resolution,
        schedule=schedule(values, "finetune"),
    )


def main(values: Values) -> None:
    """Train one of the final CrowdPose networks."""
    run = sys.argv[1]
    train(training(values, run, read_found(run)), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
