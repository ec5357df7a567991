"""Test the networks of a run, one per seed, on a data set's test splits (section 5.1, Tables 1 to 3).

Usage: python -m stages.test STAGE/RUN DATA
"""

import sys
import time

from litepose.models import weights
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values
from stages.lib.common.running import run_stage
from stages.lib.testing import pose
from stages.lib.testing.networks import files


def main(values: Values) -> None:
    """Write ``data/predictions/<stage>/<run>`` and ``metrics/<stage>/<run>.json``."""
    name, dataset = sys.argv[1:]
    data = keypoint_data(dataset, values)
    started = time.perf_counter()
    tested = {}
    for seed, file in files(name).items():
        trained = weights.load(file)
        tested[seed] = pose.test(f"{name}/{seed}", trained.model, data, trained.input_size, values)
    pose.write(name, tested, trained.model, data, trained.input_size, time.perf_counter() - started)


if __name__ == "__main__":
    run_stage(main, parallel=True)
