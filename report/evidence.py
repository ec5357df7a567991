"""What a run of the pipeline says about the paper's claims: differences and ratios with 95 % intervals.

Intervals are over the images that a network is tested on and, where it was trained with several seeds, over
trainings (litepose.evaluation.bootstrap).
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from litepose.core.errors import InputError
from litepose.datasets import manifest
from litepose.evaluation import bootstrap
from report.claims import Claim, Estimate, Finding, Measurement, decide, not_run, size
from report.results import Results
from report.runs import dataset
from report.systems import RUNTIME_TITLES

CONVENTIONS = {"": "macs_paper_g", "true": "macs_g"}  # suffix of the id -> metric
RESAMPLES = 1000
_PUBLISHED = "published networks"


class NotRun(Exception):
    """Something that a claim is about was not run; the message says what."""


class Evidence:
    """The measurements of one run.

    Args:
        results: its metrics, and the logs of its trainings.
        data: directory with ``<data set>/dataset.json`` and ``predictions/<stage>/<run>/<seed>.json``.
        described: of each data set, profile and source, such as "tiny, synthetic".
    """

    def __init__(self, results: Results, data: Path, described: Mapping[str, str]) -> None:
        self._results, self._data, self._described = results, data, described
        self._matches: dict[str, list[bootstrap.Matches]] = {}
        self._scores: dict[str, Estimate] = {}

    def findings(self, claims: list[Claim]) -> list[Finding]:
        """A verdict on every claim; one per convention of MACs, and per device and runtime of latencies.

        Raises:
            InputError: a file of predictions is broken.
        """
        known = {claim.id: claim for claim in claims}
        return [finding for claim in claims for finding in self._findings(claim, known)]

    def _findings(self, claim: Claim, known: Mapping[str, Claim]) -> Iterator[Finding]:
        try:
            if claim.measure == "macs":
                for suffix, convention in CONVENTIONS.items():
                    yield decide(claim, self._macs(claim, convention), suffix)
            elif claim.measure in ("latency", "time per MAC"):
                yield from self._timed(claim)
            else:
                yield decide(claim, self._scored(claim, known))
        except NotRun as reason:
            yield not_run(claim, str(reason))

    def _scored(self, claim: Claim, known: Mapping[str, Claim]) -> Measurement:
        measured = self._ap(claim) if claim.measure == "AP" else self._accuracy(claim)
        if claim.beyond is None:
            return measured
        other = self._scored(known[claim.beyond], known)
        return replace(measured, size=independent_difference(measured.size, other.size))

    def _ap(self, claim: Claim) -> Measurement:
        first, second = self._matched(claim.first), self._matched(claim.second)
        tested_on = dataset(claim.second)
        return Measurement(
            _percent(bootstrap.difference(first, second, RESAMPLES)),
            self._described[tested_on],
            scores=(self._score(claim.first), self._score(claim.second)),
            chance=self._results.run(f"dataset/{tested_on}").get("chance_AP", 0.0),
            images=self._seen(claim),
        )

    def _accuracy(self, claim: Claim) -> Measurement:
        trainings = [[right for _, right in self._predicted(run)] for run in (claim.first, claim.second)]
        images = sorted({len(right) for network in trainings for right in network})
        if len(images) > 1:
            raise InputError(
                f"{claim.first} and {claim.second} were tested on {images[0]} and {images[-1]} images: "
                "run dvc repro."
            )
        first, second = (np.array(network, float) for network in trainings)  # [seeds, images]
        gained = second.mean(0) - first.mean(0)
        drawn = stats.bootstrap(
            (gained,), np.mean, n_resamples=RESAMPLES, method="percentile", batch=100, rng=0
        ).confidence_interval
        over_images = bootstrap.Interval(float(gained.mean()), float(drawn.low), float(drawn.high))
        gain = _percent(bootstrap.over_trainings(over_images, first.mean(1), second.mean(1)))
        return Measurement(gain, self._described[dataset(claim.second)], images=self._seen(claim))

    def _macs(self, claim: Claim, convention: str) -> Measurement:
        first, second = (self._cost(system, convention) for system in (claim.first, claim.second))
        value = size(claim.expects, first, second)
        return Measurement(Estimate(value, value, value), _PUBLISHED, (_words(convention),))

    def _timed(self, claim: Claim) -> Iterator[Finding]:
        """One finding per device and runtime that timed both systems; time per MAC also per convention."""
        ways = [way for way in self._results.timed() if all(self._latencies(claim, *way))]
        if not ways:
            raise NotRun(f"no runtime timed both {claim.first} and {claim.second}")
        for device, runtime in ways:
            ratio = self._latency_ratio(claim, device, runtime)
            way = (device, RUNTIME_TITLES.get(runtime, runtime))
            if claim.measure == "latency":
                yield decide(claim, Measurement(ratio, _PUBLISHED, way), f"{device}-{runtime}", device)
                continue
            for suffix, convention in CONVENTIONS.items():
                macs = self._cost(claim.second, convention) / self._cost(claim.first, convention)
                per_mac = Estimate(*(macs * value for value in ratio))
                name = "-".join(filter(None, (device, runtime, suffix)))
                measured = Measurement(per_mac, _PUBLISHED, (*way, _words(convention)))
                yield decide(claim, measured, name, device)

    def _latency_ratio(self, claim: Claim, device: str, runtime: str) -> Estimate:
        first, second = (
            Estimate(*(math.log(measured[name]) for name in ("ms", "low_ms", "high_ms")))
            for measured in self._latencies(claim, device, runtime)
        )
        return Estimate(*map(math.exp, independent_difference(first, second)))

    def _latencies(self, claim: Claim, device: str, runtime: str) -> list[dict[str, float]]:
        return [self._results.latency(device, runtime, system) for system in (claim.first, claim.second)]

    def _cost(self, system: str, convention: str) -> float:
        counted = self._results.cost(system)
        if convention not in counted:
            raise NotRun(f"{system} was not counted")
        return counted[convention]

    def _score(self, run: str) -> Estimate:
        if run not in self._scores:
            self._scores[run] = _percent(bootstrap.interval(self._matched(run), RESAMPLES))
        return self._scores[run]

    def _matched(self, run: str) -> list[bootstrap.Matches]:
        """Matches of each training of a run."""
        if run not in self._matches:
            predicted = self._predicted(run)
            described = self._data / dataset(run) / "dataset.json"
            splits, skeleton = manifest.read(described), manifest.read_skeleton(described)
            self._matches[run] = [
                bootstrap.matches(splits[split][0], detections, skeleton) for split, detections in predicted
            ]
        return self._matches[run]

    def _predicted(self, run: str) -> list[tuple[str, list]]:
        """The split that a run was tested on first, and what each of its trainings predicted there."""
        if not self._results.run(run):
            raise NotRun(f"{run} was not run")
        directory = self._data / "predictions" / run
        files = sorted(directory.glob("*.json"))
        if not files:
            raise NotRun(f"{directory} has no predictions: dvc pull or dvc repro brings them back")
        return [first_split(path) for path in files]

    def _seen(self, claim: Claim) -> tuple[int, int] | None:
        """Images that the trainings of both networks saw, where both logs tell."""
        first, second = self._results.images(claim.first), self._results.images(claim.second)
        return None if first is None or second is None else (first, second)


def first_split(path: Path) -> tuple[str, list]:
    """The split that a network was tested on first, and what it predicted there.

    Raises:
        InputError: the file of predictions is broken.
    """
    try:
        return next(iter(json.loads(path.read_text()).items()))
    except (json.JSONDecodeError, AttributeError, StopIteration):
        raise InputError(f"{path} holds no predictions by split: repeat its stage.") from None


def _words(convention: str) -> str:
    return "paper's MACs" if convention == "macs_paper_g" else "true MACs"


def independent_difference(first: Estimate, second: Estimate) -> Estimate:
    """First - second, with the interval that follows from theirs (MOVER: Zou and Donner, 2008)."""
    value = first.value - second.value
    down = math.hypot(first.value - first.low, second.high - second.value)
    up = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, value - down, value + up)


def _percent(interval: bootstrap.Interval) -> Estimate:
    return Estimate(100 * interval.value, 100 * interval.low, 100 * interval.high)
