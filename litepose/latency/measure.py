"""The measurement protocol: warm-up, repeats within a time budget, interleaved or in visits; intervals."""

import gc
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import stats
from torch import Tensor, nn
from tqdm import tqdm

from litepose.latency.machine import release_memory
from litepose.runtimes.interface import Runtime, check_output

Key = TypeVar("Key", bound=Hashable)
_MIN_RUNS = 3
_WARMUP_SHARE = 0.1


@dataclass(frozen=True)
class Protocol:
    """How often each system runs, in all or in one visit.

    Attributes:
        warmup: most untimed runs of a system, together a tenth of its time share, at least one.
        repeats: most timed runs of a system, together its time share, at least three, in a visit one.
        share: seconds that one system may take.
    """

    warmup: int
    repeats: int
    share: float


def warm_up(
    run: Callable[[], object], protocol: Protocol, clock: Callable[[], float] = time.perf_counter
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


def measure_interleaved(
    systems: Mapping[Key, Callable[[], object]],
    protocol: Protocol,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Key, np.ndarray]:
    """Time all systems in turns, so that a machine that drifts moves all of them alike.

    Args:
        systems: one function per system that runs it once, by any key.
        protocol: the number of runs and the time share.
        clock: seconds, increasing.

    Returns:
        Milliseconds of every timed run, by key, in the order of measurement.
    """
    times: dict[Key, list[float]] = {system: [] for system in systems}
    active = list(systems)
    for _ in range(protocol.repeats):
        for system in active:
            start = clock()
            systems[system]()
            times[system].append(clock() - start)
        active = [system for system in active if _may_run_again(times[system], protocol.share)]
    return {system: 1000 * np.array(runs) for system, runs in times.items()}


def _may_run_again(seconds: list[float], share: float) -> bool:
    return len(seconds) < _MIN_RUNS or sum(seconds) + float(np.median(seconds)) <= share


def prepare(system: str, runtime: Runtime, model: nn.Module, image: Tensor, reference: list[Tensor]) -> None:
    """Prepare a runtime, and find that its outputs equal plain PyTorch's.

    Raises:
        InputError: they do not.
        Unavailable: this machine lacks what the runtime needs.
    """
    runtime.prepare(model, image)
    runtime.load()
    runtime.run_once()
    check_output(system, runtime.output(), reference)
    runtime.unload()
    release_memory()


def measure_rounds(
    runtimes: Mapping[Key, Runtime],
    protocol: Protocol,
    rounds: int,
    visits: int,
    seed: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Key, list[np.ndarray]]:
    """Time prepared runtimes in visits that are as independent as one process allows.

    In a visit one is loaded anew, warmed up, run several times on end, and unloaded, so that none takes
    memory or cores from another. In the first round each is visited once; in later ones those more often that
    are done sooner, since a moment in which the machine is slow weighs more for them. The order is drawn for
    each round, so that none always follows the same one.

    Args:
        runtimes: by any key.
        protocol: the number of runs in one visit, the time share in one round.
        rounds: at least one.
        visits: most of a runtime in one round.
        seed: of the orders.
        clock: seconds, increasing.

    Returns:
        Milliseconds of every timed run, one array per visit, by key.
    """
    generator = np.random.default_rng(seed)
    keys = list(runtimes)
    times: dict[Key, list[np.ndarray]] = {key: [] for key in keys}
    planned = np.ones(len(keys), int)
    seconds = np.zeros(len(keys))
    # What is prepared stays: between visits only what is new is searched for garbage.
    gc.freeze()
    for number in range(rounds):
        order = generator.permutation(np.repeat(np.arange(len(keys)), planned))
        for place in tqdm(order, desc=f"measure, round {number + 1} of {rounds}", disable=None):
            started = clock()
            times[keys[place]].append(1000 * _visit(runtimes[keys[place]], protocol, clock))
            seconds[place] = clock() - started
        planned = np.clip(protocol.share // np.maximum(seconds, 1e-9), 1, visits).astype(int)
    gc.unfreeze()
    return times


def _visit(runtime: Runtime, protocol: Protocol, clock: Callable[[], float]) -> np.ndarray:
    """Seconds of a runtime's runs after it was loaded; it is unloaded again."""
    runtime.load()
    warm_up(runtime.run_once, protocol, clock)
    seconds = _repeat(runtime.run_once, protocol, clock)
    runtime.unload()
    release_memory()
    return seconds


def _repeat(run: Callable[[], float | None], protocol: Protocol, clock: Callable[[], float]) -> np.ndarray:
    """Seconds of runs on end."""
    seconds: list[float] = []
    while not seconds or (
        len(seconds) < protocol.repeats and sum(seconds) + float(np.median(seconds)) <= protocol.share
    ):
        start = clock()
        own = run()
        seconds.append(clock() - start if own is None else own)
    return np.array(seconds)


def confidence_interval(visits: list[np.ndarray], confidence: float = 0.95) -> tuple[float, float, float]:
    """Latency and its interval, in milliseconds, from the runs of each of at least two visits.

    Runs of one visit are alike; visits differ as repetitions of the whole measurement do. So each visit
    counts once, by its median: the latency is the geometric mean of these, the interval Student's t interval
    of the mean of their logarithms.

    Returns:
        (latency, low, high)
    """
    logs = np.log([np.median(runs) for runs in visits])
    margin = stats.t.ppf((1 + confidence) / 2, len(logs) - 1) * stats.sem(logs)
    latency, low, high = np.exp(logs.mean() + np.array([0, -margin, margin])).tolist()
    return latency, low, high


def summary(visits: list[np.ndarray]) -> dict[str, float]:
    """`ms` with the interval `low_ms` to `high_ms`, and the numbers of `visits` and of timed `runs`.

    Rounded to four digits that count, not to decimals: figures have logarithmic axes, on which the lower end
    of an interval must not be zero.
    """
    ms, low, high = (float(f"{value:.4g}") for value in confidence_interval(visits))
    return {
        "ms": ms,
        "low_ms": low,
        "high_ms": high,
        "visits": len(visits),
        "runs": sum(map(len, visits)),
    }
