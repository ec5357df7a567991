"""Fine-tune LitePose-XS with the heatmaps of LitePose-S as further targets (section 5.3, Table 3)."""

from litepose.training.pose import DistillationTask
from stages.common import params, run_stage
from stages.pose_run import (
    found_architecture,
    inherited,
    keypoint_data,
    litepose,
    load_weights,
    task_arguments,
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
    student = inherited(architecture, "xs", data)
    arguments = task_arguments(data, section["batch_size"])
    task = DistillationTask(
        teacher=teacher.eval().to(arguments["device"]),
        teacher_resolution=teacher_resolution,
        weight=section["weight"],
        resolution=resolution,
        **arguments,
    )
    train_and_test("finetune", "xs", student, section, resolution, data, task)


if __name__ == "__main__":
    run_stage(main)
