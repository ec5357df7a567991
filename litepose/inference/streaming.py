"""Work on a stream in threads beside each other: results in order, few items in memory at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from operator import length_hint
from typing import TypeVar

import torch

MOST_WORKERS = 8  # each holds the activations of a network
AHEAD = 2  # items that wait while all workers work

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def computing_with(threads: int | None) -> Iterator[None]:
    """Let PyTorch compute with so many threads where the calling thread calls it; None: as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Results in the items' order. Items are drawn in the calling thread, as late as the workers allow.

    One image after the other on each thread is faster than one image on all of them: threads need not wait
    for each other after every layer, and one reads or groups while another runs the network.

    Args:
        work: that several threads may do at the same time.
        items: to work on.
        threads: to compute with, in all workers together.
    """
    # Fewer items than threads: each is worked on by several.
    workers = max(1, min(threads, MOST_WORKERS, length_hint(items, MOST_WORKERS)))

    def alone(item: Item) -> Result:
        torch.set_num_threads(threads // workers)
        return work(item)

    waiting: deque[Future[Result]] = deque()
    with computing_with(None), ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(alone, item))
                while waiting and (len(waiting) > workers + AHEAD or waiting[0].done()):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
