"""Train 0.5 LitePose with one kernel size on pose (section 3.4, Figure 7, Table 3).

Usage: python -m stages.kernels KERNEL
"""

import functools
import sys

from litepose.models.litepose import ARCHITECTURES
from stages.common import params, run_stage
from stages.pose_run import keypoint_data, litepose, train_and_test


def main() -> None:
    """Train and test one kernel size."""
    kernel = int(sys.argv[1])
    section = params()["kernels"]
    data = keypoint_data("crowdpose")
    build = functools.partial(litepose, ARCHITECTURES["half"], data, kernel=kernel)
    train_and_test("kernels", str(kernel), build, section, section["resolution"], data)


if __name__ == "__main__":
    run_stage(main)
