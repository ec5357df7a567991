"""What a run of the pipeline says about the paper's claims: differences and ratios with 95 % intervals.

Intervals are over the images that a network is tested on (litepose.bootstrap), not over trainings: each
network was trained once, with one seed.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from litepose import bootstrap
from litepose.datasets import manifest
from litepose.errors import InputError
from litepose.report.claims import Claim, Estimate, Finding, Measurement, find, not_run, size
from litepose.report.results import Results

CONVENTIONS = {"": "macs_paper_g", "true": "macs_g"}  # suffix of the id -> metric
RESAMPLES = 1000


class NotRun(Exception):
    """Something that a claim is about was not run; the message says what."""


class Evidence:
    """The measurements of one run.

    Args:
        results: its metrics.
        data: directory with ``crowdpose/dataset.json`` and ``predictions/<stage>/<run>.json``.
        described: profile and source of the data, such as "tiny, synthetic".
        epochs: of each training by its name ``<stage>/<run>``.
    """

    def __init__(self, results: Results, data: Path, described: str, epochs: Mapping[str, int]) -> None:
        self._results, self._data, self._described, self._epochs = results, data, described, epochs
        self._matches: dict[str, bootstrap.Matches] = {}
        self._scores: dict[str, Estimate] = {}

    def findings(self, claims: list[Claim]) -> list[Finding]:
        """A verdict on every claim; one per convention of MACs, and per device of latencies.

        Raises:
            InputError: a file of predictions is broken.
        """
        known = {claim.id: claim for claim in claims}
        return [finding for claim in claims for finding in self._findings(claim, known)]

    def _findings(self, claim: Claim, known: Mapping[str, Claim]) -> Iterator[Finding]:
        try:
            if claim.measure == "macs":
                for suffix, convention in CONVENTIONS.items():
                    yield find(claim, self._macs(claim, convention), suffix)
            elif claim.measure == "latency":
                devices = self._results.devices()
                if not devices:
                    raise NotRun("no latency was measured")
                for device in devices:
                    yield find(claim, self._latency(claim, device), device, device)
            else:
                yield find(claim, self._scored(claim, known))
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
        return Measurement(
            _percent(bootstrap.difference(first, second, RESAMPLES)),
            self._described,
            (self._score(claim.first), self._score(claim.second)),
            self._results.run("dataset/crowdpose").get("chance_AP", 0.0),
            self._trained(claim),
        )

    def _accuracy(self, claim: Claim) -> Measurement:
        first, second = (np.array(self._predicted(run)[1], float) for run in (claim.first, claim.second))
        if len(first) != len(second):
            raise InputError(
                f"{claim.first} and {claim.second} were tested on {len(first)} and {len(second)} images: "
                "run dvc repro."
            )
        gained = 100 * (second - first)
        drawn = stats.bootstrap(
            (gained,), np.mean, n_resamples=RESAMPLES, method="percentile", batch=100, rng=0
        ).confidence_interval
        gain = Estimate(float(gained.mean()), float(drawn.low), float(drawn.high))
        return Measurement(gain, self._described, epochs=self._trained(claim))

    def _macs(self, claim: Claim, convention: str) -> Measurement:
        first, second = (self._cost(system, convention) for system in (claim.first, claim.second))
        value = size(claim.expects, first, second)
        counted = "as the paper counts" if convention == "macs_paper_g" else "true MACs"
        return Measurement(Estimate(value, value, value), f"published networks, {counted}")

    def _latency(self, claim: Claim, device: str) -> Measurement:
        first, second = (self._log_latency(system, device) for system in (claim.first, claim.second))
        ratio = independent_difference(first, second)
        return Measurement(Estimate(*map(math.exp, ratio)), f"published networks, {device}")

    def _cost(self, system: str, convention: str) -> float:
        counted = self._results.cost(system)
        if convention not in counted:
            raise NotRun(f"{system} was not counted")
        return counted[convention]

    def _log_latency(self, system: str, device: str) -> Estimate:
        measured = self._results.latency(device, system)
        if not measured:
            raise NotRun(f"{system} was not timed on {device}")
        return Estimate(*(math.log(measured[name]) for name in ("ms", "low_ms", "high_ms")))

    def _score(self, run: str) -> Estimate:
        if run not in self._scores:
            self._scores[run] = _percent(bootstrap.interval(self._matched(run), RESAMPLES))
        return self._scores[run]

    def _matched(self, run: str) -> bootstrap.Matches:
        if run not in self._matches:
            split, detections = self._predicted(run)
            annotations, _ = manifest.read(self._manifest)[split]
            skeleton = manifest.read_skeleton(self._manifest)
            self._matches[run] = bootstrap.matches(annotations, detections, skeleton)
        return self._matches[run]

    @property
    def _manifest(self) -> Path:
        return self._data / "crowdpose" / "dataset.json"

    def _predicted(self, run: str) -> tuple[str, list]:
        """The split that a run was tested on first, and what it predicted there."""
        if not self._results.run(run):
            raise NotRun(f"{run} was not run")
        path = self._data / "predictions" / f"{run}.json"
        if not path.is_file():
            raise NotRun(f"{path} is missing: dvc pull or dvc repro brings it back")
        try:
            return next(iter(json.loads(path.read_text()).items()))
        except (json.JSONDecodeError, AttributeError, StopIteration):
            raise InputError(f"{path} holds no predictions by split: repeat its stage.") from None

    def _trained(self, claim: Claim) -> tuple[int, int] | None:
        known = claim.first in self._epochs and claim.second in self._epochs
        return (self._epochs[claim.first], self._epochs[claim.second]) if known else None


def independent_difference(first: Estimate, second: Estimate) -> Estimate:
    """First - second, with the interval that follows from theirs (MOVER: Zou and Donner, 2008)."""
    value = first.value - second.value
    down = math.hypot(first.value - first.low, second.high - second.value)
    up = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, value - down, value + up)


def _percent(interval: bootstrap.Interval) -> Estimate:
    return Estimate(100 * interval.value, 100 * interval.low, 100 * interval.high)
