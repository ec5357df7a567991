"""Test the classifiers of a kernel size on the val split (Figure 7).

Usage: python -m stages.test_classification KERNEL
"""

import sys
import time

from litepose.datasets.classification import collate
from litepose.models import weights
from litepose.training.batches import ordered_batches
from litepose.training.classification import correct
from stages.lib.common.data import classification_data
from stages.lib.common.parameters import Values
from stages.lib.common.running import device, run_stage
from stages.lib.testing import scores
from stages.lib.testing.networks import files


def main(values: Values) -> None:
    """Write the accuracy of each seed's network, and whether each image was recognised."""
    name = f"kernels_classification/{sys.argv[1]}"
    place, images = device(values["device"]), classification_data(values, "val", training=False)
    batch_size = values["kernels_classification"]["batch_size"]
    started = time.perf_counter()
    accuracies, predictions = {}, {}
    for seed, file in files(name).items():
        trained = weights.load(file)
        batches = ordered_batches(images, collate, batch_size, trained.input_size, values["workers"])
        right = correct(trained.model.to(place), batches, place)
        accuracies[seed] = {"accuracy": round(100 * float(right.double().mean()), 2)}
        predictions[seed] = {"val": right.int().tolist()}
    others = {"resolution": trained.input_size, "seconds": round(time.perf_counter() - started)}
    scores.write(name, accuracies, predictions, ("accuracy",), others)


if __name__ == "__main__":
    run_stage(main)
