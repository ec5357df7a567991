"""Fine-tune LitePose-XS with the heatmaps of LitePose-S as further targets (section 5.3, Table 3)."""

import functools

from litepose.training.pose import DistillationTask
from stages.common import device, params, run_stage
from stages.pose_run import (
    found_architecture,
    inherited,
    keypoint_data,
    litepose,
    load_weights,
    train_and_test,
)


def main() -> None:
    """Train and test the final LitePose-XS; its metrics stand beside those of the other sizes."""
    section = params()["distill"]
    data = keypoint_data("crowdpose")
    teacher_architecture, teacher_resolution = found_architecture("s")
    teacher = litepose(teacher_architecture, data)
    teacher.load_state_dict(load_weights("finetune", "s"))
    architecture, resolution = found_architecture("xs")
    build = functools.partial(inherited, architecture, "xs", data)
    task_of = functools.partial(
        DistillationTask,
        teacher=teacher.eval().to(device(params()["device"])),
        teacher_resolution=teacher_resolution,
        weight=section["weight"],
    )
    train_and_test("finetune", "xs", build, section, resolution, data, task_of)


if __name__ == "__main__":
    run_stage(main)
