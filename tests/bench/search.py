"""Predicting a configuration's cost against building the network and counting it, in one run."""

import time

import torch

from litepose.complexity import count, litepose_cost
from litepose.models.litepose import LitePose
from litepose.models.space import SPACES

BUILT = 3
PREDICTED = 2000


def seconds(function, times):
    """CPU time of one call, on average."""
    started = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - started) / times


def main():
    torch.set_num_threads(1)
    space = SPACES["lms"]
    one = space.at(space.size // 2)
    built = seconds(lambda: count(LitePose(one.architecture, 14), one.resolution), BUILT)
    predicted = seconds(lambda: litepose_cost(one.architecture, one.resolution, 14), PREDICTED)
    table = seconds(lambda: space.costs(lambda *of: litepose_cost(*of, 14)["macs_paper"]), BUILT) / space.size
    print(
        f"built and counted {1e3 * built:.0f} ms; predicted alone {1e6 * predicted:.0f} us, ratio "
        f"{built / predicted:.0f}; with all of the space {1e6 * table:.2f} us, ratio {built / table:.0f}"
    )


if __name__ == "__main__":
    main()
