"""Train a found architecture on COCO, from the CrowdPose supernet's weights (section 5.2, Table 2).

Usage: python -m stages.transfer {xs,s,m,l}
"""

import functools
import sys

from stages.common import params, run_stage
from stages.pose_run import found_architecture, inherited, keypoint_data, train_and_test


def main() -> None:
    """Train and test one architecture with new predictions for COCO's joints."""
    run = sys.argv[1]
    section = params()["transfer"]
    data = keypoint_data("coco")
    architecture, resolution = found_architecture(run)
    build = functools.partial(inherited, architecture, section["runs"][run]["supernet"], data)
    train_and_test("transfer", run, build, section, resolution, data)


if __name__ == "__main__":
    run_stage(main)
