"""Fine-tune a found architecture from the supernet's weights (section 5.2, fine-tuning).

Usage: python -m stages.finetune {s,m,l}
"""

import functools
import sys

from stages.common import params, run_stage
from stages.pose_run import found_architecture, inherited, keypoint_data, train_and_test


def main() -> None:
    """Train and test one of the final CrowdPose networks."""
    run = sys.argv[1]
    section = params()["finetune"]
    data = keypoint_data("crowdpose")
    architecture, resolution = found_architecture(run)
    build = functools.partial(inherited, architecture, "lms", data)
    train_and_test("finetune", run, build, section, resolution, data)


if __name__ == "__main__":
    run_stage(main)
