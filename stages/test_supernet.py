"""Test a supernet: the AP of its widest network, at its largest resolution, with statistics of its own.

Usage: python -m stages.test_supernet {xs,lms}
"""

import sys
import time

from litepose.core.layout import channels_last
from litepose.models import weights
from litepose.models.litepose import ARCHITECTURES
from litepose.nas.calibration import recalibrate
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values
from stages.lib.common.running import device, run_stage
from stages.lib.testing import pose
from stages.lib.testing.networks import files
from stages.lib.training.networks import trained_supernet
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
        supernet, resolution = trained_supernet(file), weights.load(file).input_size
        widest = channels_last(supernet.extract(ARCHITECTURES["full"])).to(place)
        images = calibration(data, values, batch_size, resolution)
        recalibrate(widest, (part.to(place) for part in images.views(resolution)))
        tested[seed] = pose.test(f"{name}/{seed}", widest, data, resolution, values)
    pose.write(name, tested, widest, data, resolution, time.perf_counter() - started)


if __name__ == "__main__":
    run_stage(main, parallel=True)
