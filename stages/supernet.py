"""Train a one-shot supernet from the pre-trained weights (section 4, one-shot supernet training).

Usage: python -m stages.supernet {xs,lms}
"""

import sys
import time

from litepose.models.litepose import ARCHITECTURES
from litepose.models.space import SearchSpace
from litepose.models.supernet import Supernet
from litepose.nas.calibration import recalibrate
from litepose.training.supernet import SupernetTask
from stages.common import params, run_stage
from stages.pose_run import (
    depth,
    keypoint_data,
    load_weights,
    save_weights,
    seeded,
    task_arguments,
    test,
    write_results,
)
from stages.training_run import forget, seconds_of, train


def main() -> None:
    """Train a supernet; its AP is that of its widest network at its largest resolution."""
    run = sys.argv[1]
    section = params()["supernet"]["runs"][run]
    data = keypoint_data("crowdpose")
    space = SearchSpace(tuple(section["ratios"]), tuple(section["resolutions"]))
    supernet = seeded(lambda: Supernet(data.skeleton.num_joints, depth=depth()))
    supernet.load_pretrained(load_weights("pretrain", "full"))
    task = SupernetTask(space, **task_arguments(data, section["batch_size"]))
    history = train("supernet", run, supernet, task, section)
    save_weights("supernet", run, supernet)
    started = time.perf_counter()
    widest = supernet.extract(ARCHITECTURES["full"])
    recalibrate(widest, task.views(task.resolution))
    tested = {params()["seed"]: test(f"supernet/{run}", widest, data, task.resolution)}
    seconds = seconds_of(history) + time.perf_counter() - started
    write_results("supernet", run, tested, widest, data, task.resolution, seconds)
    forget("supernet", run)


if __name__ == "__main__":
    run_stage(main)
