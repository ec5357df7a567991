"""Train the backbone of 0.5 LitePose with one kernel size on image classification (Figure 7).

Usage: python -m stages.kernels_classification KERNEL
"""

import json
import sys
import time
from pathlib import Path

from torch import nn

from litepose.datasets.classification import ClassificationDataset, collate
from litepose.models.litepose import ARCHITECTURES, LitePoseClassifier
from litepose.training.batches import ordered_batches
from litepose.training.classification import ClassificationTask, correct
from stages import seeds
from stages.common import device, params, run_stage
from stages.pose_run import depth, save_weights, seeded
from stages.training_run import History, forget, seconds_of, train


def main() -> None:
    """Train one kernel size on the train split; write its accuracy on the val split, and image by image."""
    run = sys.argv[1]
    values = params()
    section = values["kernels_classification"]
    scores, predictions, seconds = {}, {}, 0.0
    for seed in (chosen := seeds.seeds()):
        model, history = trained(run, seed, curves=seed == chosen[0])
        if seed == chosen[0]:
            save_weights("kernels_classification", run, model)
        started = time.perf_counter()
        testing = dataset("val", training=False)
        batches = ordered_batches(
            testing, collate, section["batch_size"], section["resolution"], values["workers"]
        )
        right = correct(model, batches, device(values["device"]))
        scores[seed] = {"accuracy": round(100 * float(right.double().mean()), 2)}
        predictions[seed] = {"val": right.int().tolist()}
        seconds += seconds_of(history) + time.perf_counter() - started
    others = {"resolution": section["resolution"], "seconds": round(seconds)}
    seeds.write("kernels_classification", run, scores, predictions, ("accuracy",), others)
    for seed in chosen:
        forget("kernels_classification", run, seed)


def trained(run: str, seed: int, curves: bool) -> tuple[nn.Module, History]:
    """A classifier trained with one seed, and the numbers of its epochs."""
    values = params()
    section = values["kernels_classification"]
    images = dataset("train", seed)
    model = seeded(
        lambda: LitePoseClassifier(ARCHITECTURES["half"], len(images.classes), int(run), depth()), seed
    )
    task = ClassificationTask(
        images, section["resolution"], section["batch_size"], device(values["device"]), values["workers"]
    )
    history = train("kernels_classification", run, model, task, section, seed=seed, curves=curves)
    return model, history


def dataset(split: str, seed: int = 0, training: bool = True) -> ClassificationDataset:
    """A split of the classification data set, as the ``dataset`` stage found it."""
    root = Path(json.loads(Path("data/classification/dataset.json").read_text())["root"])
    max_pixels = params()["classification"]["max_pixels"]
    return ClassificationDataset(root, split, seed, training, max_pixels)


if __name__ == "__main__":
    run_stage(main)
