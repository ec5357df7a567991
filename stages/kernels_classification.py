"""Train the backbone of 0.5 LitePose with one kernel size on image classification (Figure 7).

Usage: python -m stages.kernels_classification KERNEL
"""

import json
import sys
import time
from pathlib import Path

from litepose.datasets.classification import ClassificationDataset, collate
from litepose.models.litepose import ARCHITECTURES, LitePoseClassifier
from litepose.training.batches import ordered_batches
from litepose.training.classification import ClassificationTask, correct
from stages.common import device, params, run_stage, write_json
from stages.pose_run import depth, save_weights, seeded
from stages.training_run import forget, seconds_of, train


def main() -> None:
    """Train one kernel size on the train split; write its accuracy on the val split, and image by image."""
    kernel = int(sys.argv[1])
    run = str(kernel)
    values = params()
    section = values["kernels_classification"]
    root = Path(json.loads(Path("data/classification/dataset.json").read_text())["root"])
    training = ClassificationDataset(root, "train", values["seed"])
    testing = ClassificationDataset(root, "val", training=False)
    model = seeded(lambda: LitePoseClassifier(ARCHITECTURES["half"], len(training.classes), kernel, depth()))
    chosen, workers = device(values["device"]), values["workers"]
    task = ClassificationTask(training, section["resolution"], section["batch_size"], chosen, workers)
    history = train("kernels_classification", run, model, task, section)
    save_weights("kernels_classification", run, model)
    started = time.perf_counter()
    batches = ordered_batches(testing, collate, section["batch_size"], section["resolution"], workers)
    right = correct(model, batches, chosen)
    seconds = round(seconds_of(history) + time.perf_counter() - started)
    write_json(Path("data/predictions/kernels_classification") / f"{run}.json", {"val": right.int().tolist()})
    write_json(
        Path("metrics/kernels_classification") / f"{run}.json",
        {
            "accuracy": round(100 * float(right.double().mean()), 2),
            "images": len(testing),
            "seconds": seconds,
        },
    )
    forget("kernels_classification", run)


if __name__ == "__main__":
    run_stage(main)
