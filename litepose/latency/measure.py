"""The measurement protocol: warm-up, interleaved repeats within a time budget, median and interval."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

_MIN_RUNS = 3
_WARMUP_SHARE = 0.1


@dataclass(frozen=True)
class Protocol:
    """How often each system runs.

    Attributes:
        warmup: most untimed runs of a system, together a tenth of its time share, at least one.
        repeats: most timed runs of a system, together its time share, at least three.
        share: seconds that one system may take.
    """

    warmup: int
    repeats: int
    share: float


def warm_up(
    run: Callable[[], None], protocol: Protocol, clock: Callable[[], float] = time.perf_counter
) -> int:
    """Run a prepared system untimed, so that kernels are chosen and memory is allocated.

    Args:
        run: runs the system once.
        protocol: the number of runs and the time share.
        clock: seconds, increasing.

    Returns:
        The number of runs.
    """
    start, runs, longest = clock(), 0, 0.0
    while runs == 0 or (
        runs < protocol.warmup and clock() - start + longest <= _WARMUP_SHARE * protocol.share
    ):
        begin = clock()
        run()
        longest, runs = max(longest, clock() - begin), runs + 1
    return runs


def interleave(
    systems: Mapping[str, Callable[[], None]],
    protocol: Protocol,
    on_run: Callable[[str], None] = lambda system: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, np.ndarray]:
    """Time all systems in rounds, so that a machine that drifts moves all of them alike.

    Args:
        systems: one function per system that runs it once.
        protocol: the number of runs and the time share.
        on_run: called with the system's name after every run.
        clock: seconds, increasing.

    Returns:
        Milliseconds of every timed run, per system, in the order of measurement.
    """
    times: dict[str, list[float]] = {system: [] for system in systems}
    active = list(systems)
    for _ in range(protocol.repeats):
        for system in active:
            start = clock()
            systems[system]()
            times[system].append(clock() - start)
            on_run(system)
        active = [system for system in active if _may_run_again(times[system], protocol.share)]
    return {system: 1000 * np.array(runs) for system, runs in times.items()}


def _may_run_again(seconds: list[float], share: float) -> bool:
    return len(seconds) < _MIN_RUNS or sum(seconds) + float(np.median(seconds)) <= share


def median_interval(milliseconds: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    """Median of the runs and its distribution-free interval, in milliseconds.

    The bounds are the narrowest pair of order statistics, symmetric in rank, that covers the median
    with at least this confidence (binomial distribution); fewer than six runs cannot reach 95 %:
    then they are the extremes.

    Returns:
        (median, low, high)
    """
    ordered = np.sort(milliseconds)
    runs = len(ordered)
    outside = binom.cdf(np.arange((runs + 1) // 2), runs, 0.5)
    rank = max(int(np.count_nonzero(outside <= (1 - confidence) / 2)) - 1, 0)
    return float(np.median(ordered)), float(ordered[rank]), float(ordered[runs - 1 - rank])
