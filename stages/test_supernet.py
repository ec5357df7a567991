"""Test a supernet: the AP of its widest network, at its largest resolution, with statistics of its own.

Usage: python -m stages.test_supernet {xs,lms}
"""

import sys
import time

import torch

from litepose.models import weights
from litepose.models.litepose import ARCHITECTURES
from litepose.nas.calibration import recalibrate
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values
from stages.lib.common.running import device, run_stage
from stages.lib.testing import pose
from stages.lib.testing.networks import files
from stages.lib.training.tasks import calibration


def main(values: Values) -> None:
    """Write ``data/predictions/supernet/<run>`` and ``metrics/supernet/<run>.json``."""
    name = f"supernet/{sys.argv[1]}"
    data = keypoint_data("crowdpose", values)
    place = device(values["device"])
    batch_size = values["supernet"]["runs"][sys.argv[1]]["batch_size"]
    started = time.perf_counter()
    tested = {}
    for seed, file in files(name).items():
        trained = weights.load(file)
        widest = trained.model.extract(ARCHITECTURES["full"]).to(place, memory_format=torch.channels_last)
        images = calibration(data, values, batch_size, trained.input_size)
        recalibrate(widest, (part.to(place) for part in images.views(trained.input_size)))
        tested[seed] = pose.test(f"{name}/{seed}", widest, data, trained.input_size, values)
    pose.write(name, tested, widest, data, trained.input_size, time.perf_counter() - started)


if __name__ == "__main__":
    run_stage(main, parallel=True)
