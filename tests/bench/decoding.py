"""Decoding with adjust and refine against plain loops over joints and people, in one run on one thread."""

import time

import torch

from litepose.inference.grouping import group
from support import plain_decoder

REPEATS = 5


def seconds(function):
    """Shortest of a few runs, on the processor: what others do on the machine does not count."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        function()
        times.append(time.process_time() - started)
    return min(times)


def main():
    torch.set_num_threads(1)
    for people, size in ((4, 256), (28, 512)):
        heatmap, tag = plain_decoder.scene(people, size)
        plain = seconds(lambda heatmap=heatmap, tag=tag: plain_decoder.group(heatmap, tag))
        ours = seconds(lambda heatmap=heatmap, tag=tag: group(heatmap[None], tag[None]))
        print(
            f"{people} people at {size} px: plain {1000 * plain:.0f} ms, litepose {1000 * ours:.1f} ms, "
            f"ratio {plain / ours:.1f}"
        )


if __name__ == "__main__":
    main()
