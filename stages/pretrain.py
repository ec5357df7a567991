"""Pre-train the largest supernet on COCO's heatmaps alone (section 5.2, pre-training)."""

from pathlib import Path

from litepose.models.litepose import ARCHITECTURES
from litepose.training.pose import PoseTask
from stages.common import params, run_stage, write_json
from stages.pose_run import cost, keypoint_data, litepose, save_weights, task_arguments
from stages.training_run import forget, seconds_of, train


def main() -> None:
    """Write weights, curves and the final loss; without tags there is no AP to measure."""
    section = params()["pretrain"]
    data = keypoint_data("coco")
    model = litepose(ARCHITECTURES["full"], data)
    resolution = section["resolution"]
    task = PoseTask(resolution=resolution, **task_arguments(data, section["batch_size"], tags=False))
    history = train("pretrain", "full", model, task, section)
    save_weights("pretrain", "full", model)
    metrics = {"loss": history[-1]["loss"], **cost(model, resolution), "seconds": round(seconds_of(history))}
    write_json(Path("metrics/pretrain.json"), metrics, digits=6)
    forget("pretrain", "full")


if __name__ == "__main__":
    run_stage(main)
