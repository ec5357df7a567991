"""Train HigherHRNet-W16 or one of its gradual shrinkings (section 3.2, Figures 2 and 3).

Usage: python -m stages.shrink {baseline,shrink1,shrink2,shrink3}
"""

import sys

from torch import nn

from litepose import models
from stages.common import params, run_stage
from stages.pose_run import depth, keypoint_data, seeded, train_and_test

SYSTEMS = {"baseline": "higherhrnet-w16"} | {
    f"shrink{step}": f"higherhrnet-w16-shrink{step}" for step in (1, 2, 3)
}


def main() -> None:
    """Train and test one configuration."""
    run = sys.argv[1]
    section = params()["shrink"]
    data = keypoint_data("crowdpose")

    def build(seed: int) -> nn.Module:
        return seeded(lambda: models.create(SYSTEMS[run], data.skeleton.num_joints, depth=depth()), seed)

    train_and_test("shrink", run, build, section, section["resolution"], data)


if __name__ == "__main__":
    run_stage(main)
