"""The rest of Table 3: without the fusion head, and with or without the supernet's weights.

Usage: python -m stages.ablation {no-fusion,half-supernet,xs-scratch,xs-supernet}
"""

import functools
import sys
from typing import NamedTuple

from litepose.models.litepose import ARCHITECTURES
from stages.common import params, run_stage
from stages.pose_run import found_architecture, inherited, keypoint_data, litepose, train_and_test


class Ablation(NamedTuple):
    """One row: a found or the half architecture, its head, and the supernet it inherits from."""

    found: str | None
    fusion: bool
    supernet: str | None


ABLATIONS = {
    "no-fusion": Ablation(found=None, fusion=False, supernet=None),
    "half-supernet": Ablation(found=None, fusion=True, supernet="lms"),
    "xs-scratch": Ablation(found="xs", fusion=True, supernet=None),
    "xs-supernet": Ablation(found="xs", fusion=True, supernet="xs"),
}


def main() -> None:
    """Train and test one row."""
    run = sys.argv[1]
    row = ABLATIONS[run]
    section = params()["ablation"]
    data = keypoint_data("crowdpose")
    if row.found:
        architecture, resolution = found_architecture(row.found)
    else:
        architecture, resolution = ARCHITECTURES["half"], section["resolution"]
    if row.supernet:
        build = functools.partial(inherited, architecture, row.supernet, data)
    else:
        build = functools.partial(litepose, architecture, data, fusion=row.fusion)
    train_and_test("ablation", run, build, section, resolution, data)


if __name__ == "__main__":
    run_stage(main)
