"""Train another system of Table 1 by its name in the zoo.

Usage: python -m stages.baselines NAME
"""

import sys

from torch import nn

from litepose import models
from stages.common import params, run_stage
from stages.pose_run import depth, keypoint_data, seeded, train_and_test


def main() -> None:
    """Train and test one system."""
    name = sys.argv[1]
    section = params()["baselines"]
    data = keypoint_data("crowdpose")

    def build(seed: int) -> nn.Module:
        return seeded(lambda: models.create(name, data.skeleton.num_joints, depth=depth()), seed)

    train_and_test("baselines", name, build, section, section["runs"][name]["resolution"], data)


if __name__ == "__main__":
    run_stage(main)
