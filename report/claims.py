"""The paper's statements as data, and the rule by which a measurement decides about one.

A claim bounds a difference or a ratio of two networks (``claims.yaml`` names the bounds). With the 95 %
interval of what was measured

- **reproduced**: the interval lies wholly on the claimed side of the bound,
- **contradicted**: wholly on the other side,
- **inconclusive**: the bound lies within; or one of these holds:
  neither AP is surely above chance;
  "no loss" or "no gain" would be reproduced, but the first network is not surely 10 AP above chance: one that
  finds next to nothing has nothing to lose;
  the verdict favours the network whose training saw more images.
- **not run**: one of the two is missing.

A verdict is about the direction. Whether the published size agrees is told apart from it.
"""

import itertools
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from litepose.core.errors import InputError

REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_RUN = VERDICTS = (
    "reproduced",
    "contradicted",
    "inconclusive",
    "not run",
)
MARGIN = 1.0  # AP; a smaller loss or gain counts as none
FLOOR = 10 * MARGIN  # AP above chance, from which on the margin is a small part of what there is to lose
MEASURES = ("AP", "accuracy", "macs", "latency", "time per MAC")
COSTS = ("macs", "latency", "time per MAC")  # of the measures, those that no image decides
EXPECTATIONS = ("gain", "no loss", "no gain", "fewer", "at most")


class Estimate(NamedTuple):
    """A value and the ends of its 95 % interval; a counted value's ends are the value."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """One statement of the paper; `data/paper/claims.yaml` describes the fields.

    Attributes:
        published: sizes by device, or by "" where the device does not matter; empty where none is printed.
            A printed number stands for all that round to it: the ends are what follows from them.
    """

    id: str
    words: str
    place: str
    measure: str
    first: str
    second: str
    expects: str
    published: dict[str, Estimate]
    beyond: str | None = None


@dataclass(frozen=True)
class Measurement:
    """What a run says about a claim.

    Attributes:
        size: second - first in points (AP, accuracy), first / second (fewer), or 100 * (second / first - 1).
        on: what it was measured on.
        way: how, where it was measured in several ways: device, runtime, convention of MACs.
        scores: APs of the first and the second network, where the claim is about AP.
        chance: AP of a blind guess.
        images: that the last training of the first and the second network saw, where known; one counts each
            time.
    """

    size: Estimate
    on: str
    way: tuple[str, ...] = ()
    scores: tuple[Estimate, Estimate] | None = None
    chance: float = 0.0
    images: tuple[int, int] | None = None


@dataclass(frozen=True)
class Finding:
    """A claim with its verdict.

    Attributes:
        id: the claim's, with the device or the convention that it was measured in.
        published: sizes to compare with: none where the paper prints none, several where it prints them for
            other devices than the one measured on.
        measurement: None where it was not run.
        verdict: one of `VERDICTS`.
        remark: why it is inconclusive or was not run, where the interval does not say it.
    """

    id: str
    claim: Claim
    published: tuple[Estimate, ...]
    measurement: Measurement | None
    verdict: str
    remark: str = ""

    @property
    def agreement(self) -> str:
        """How the measured interval lies to the published sizes; empty where there is nothing to compare."""
        if not self.published or self.measurement is None:
            return ""
        if self.measurement.size.high < min(size.low for size in self.published):
            return "smaller"
        larger = self.measurement.size.low > max(size.high for size in self.published)
        return "larger" if larger else "as published"


def size(expects: str, first: float, second: float) -> float:
    """What a claim bounds, of two networks' scores or costs."""
    if expects == "fewer":
        return first / second
    return 100 * (second / first - 1) if expects == "at most" else second - first


def read(path: Path) -> list[Claim]:
    """Read the claims.

    Raises:
        InputError: the file is missing, or a claim lacks a field or has an unknown one.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing: it holds the paper's claims; restore it from the repository.")
    claims = [_claim(path, number, entry) for number, entry in enumerate(yaml.safe_load(path.read_text()), 1)]
    known = {claim.id for claim in claims}
    for claim in claims:
        if claim.beyond is not None and claim.beyond not in known:
            raise InputError(f"{path}: claim {claim.id} is beyond {claim.beyond!r}: name another claim's id.")
    return claims


def _claim(path: Path, number: int, entry: dict[str, Any]) -> Claim:
    try:
        claim = Claim(**{**entry, "published": {}})
    except TypeError as error:
        fault = str(error).rpartition("__init__() ")[2]
        raise InputError(f"{path}: claim {entry.get('id', number)} does not fit: {fault}.") from None
    for field, choices in (("measure", MEASURES), ("expects", EXPECTATIONS)):
        if getattr(claim, field) not in choices:
            known = ", ".join(choices)
            raise InputError(f"{path}: {field} of claim {claim.id} is unknown: use one of {known}.")
    published = entry.get("published", {})
    printed = published if isinstance(published, dict) else {"": published}
    sizes = {device: _published(claim.expects, numbers) for device, numbers in printed.items()}
    return replace(claim, published=sizes)


def _published(expects: str, printed: float | list[float]) -> Estimate:
    """A size and all that round to it, from its own printed number or from those of both networks."""
    if not isinstance(printed, list):
        return Estimate(printed, *_rounded(printed))
    possible = [size(expects, *ends) for ends in itertools.product(*map(_rounded, printed))]
    return Estimate(size(expects, *printed), min(possible), max(possible))


def _rounded(printed: float) -> tuple[float, float]:
    """Smallest and largest number that round to a printed one."""
    half = 0.5 * 10.0 ** int(Decimal(str(printed)).as_tuple().exponent)
    return printed - half, printed + half


def decide(claim: Claim, measurement: Measurement, suffix: str = "", device: str = "") -> Finding:
    """The verdict on a claim that was measured.

    Args:
        suffix: of the finding's id, where a claim is measured in several ways.
        device: measured on. One that the paper does not have is compared with all that it has.
    """
    own = device in claim.published
    published = (claim.published[device],) if own else tuple(claim.published.values())
    verdict = _direction(measurement.size, *bound(claim.expects, published))
    doubt = _doubt(claim.expects, verdict, measurement)
    name = f"{claim.id}-{suffix}" if suffix else claim.id
    return Finding(name, claim, published, measurement, INCONCLUSIVE if doubt else verdict, doubt)


def not_run(claim: Claim, reason: str) -> Finding:
    """The finding on a claim that this run says nothing about."""
    return Finding(claim.id, claim, tuple(claim.published.values()), None, NOT_RUN, reason)


def bound(expects: str, published: tuple[Estimate, ...]) -> tuple[float, bool]:
    """The bound that a size is held against, and whether the claim is that it lies above."""
    if expects == "at most":
        return max(printed.high for printed in published), False
    above = {"gain": 0.0, "no loss": -MARGIN, "fewer": 1.0}
    return (above[expects], True) if expects in above else (MARGIN, False)


def _direction(size: Estimate, limit: float, above: bool) -> str:
    if size.low <= limit <= size.high:
        return INCONCLUSIVE
    return REPRODUCED if (size.low > limit) == above else CONTRADICTED


def _doubt(expects: str, verdict: str, measurement: Measurement) -> str:
    """Why the interval alone would say too much; empty where it does not."""
    if verdict == INCONCLUSIVE:
        return ""
    if measurement.scores is not None:
        first, second = measurement.scores
        if max(first.low, second.low) <= measurement.chance:
            return "neither network is surely better than chance"
        no_change = expects in ("no loss", "no gain")
        if no_change and verdict == REPRODUCED and first.low <= measurement.chance + FLOOR:
            return f"the first network is not surely {FLOOR:.0f} AP above chance: it has little to lose"
    if measurement.images is not None:
        favoured = (verdict == REPRODUCED) == (expects != "no gain")
        other, more = measurement.images if favoured else measurement.images[::-1]
        if more > other:
            return f"the better one saw {more:,} images in its training, the other {other:,}"
    return ""
