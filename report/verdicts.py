"""The findings on the paper's claims as a table, in words, and as metrics."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from report.claims import COSTS, MARGIN, VERDICTS, Claim, Finding
from report.table import Column, Row, Table

RULE = f"""\
Rule: *reproduced* if the 95 % interval lies wholly on the claimed side of the bound, *contradicted* if wholly
on the other side, else *inconclusive*. The bound is 0 for a gain, 1 for a ratio of costs, and {MARGIN:.0f} AP
for "no worse" and "no better". The verdict is about the direction; *size* says whether the published number,
as rounded in print, lies in the interval. A remark names what else makes a verdict inconclusive."""

BREAK = "<br>"  # of a line in a cell of a Markdown table

# Sections of the paper -> how the places of claims about them begin
_SECTIONS = {
    "3.2 Gradual shrinking": ("Section 3.2",),
    "3.3 Fusion head": ("Section 3.3",),
    "3.4 Large kernels": ("Section 3.4",),
    "3.5 One branch": ("Section 3.5",),
    "5.2 Other systems (Tables 1, 2)": ("Table 1", "Table 2"),
    "5.3 Ablations (Table 3)": ("Section 5.3",),
}


def grouped(findings: Iterable[Finding]) -> dict[str, list[list[Finding]]]:
    """Findings by section of the paper; those on one claim, measured in several ways, together."""
    found: dict[str, dict[str, list[Finding]]] = {}
    for title, places in _SECTIONS.items():
        for finding in findings:
            if finding.claim.place.startswith(places):
                found.setdefault(title, {}).setdefault(finding.claim.id, []).append(finding)
    return {title: list(claims.values()) for title, claims in found.items()}


def table(findings: list[Finding]) -> Table:
    """One row per claim, below its section: what the paper says beside what was measured, and on what."""
    columns = [
        Column("verdict", "Verdict"),
        Column("words", "Claim"),
        Column("published", "Published"),
        Column("measured", "Measured (95 % interval)"),
        Column("size", "Size"),
        Column("place", "Place"),
        Column("on", "On; remark"),
    ]
    rows: list[Row] = []
    for title, claims in grouped(findings).items():
        rows += [{"verdict": f"**{title}**"}, *map(_row, claims)]
    return Table("The claims, one by one", columns, rows)


def sections(findings: list[Finding]) -> Table:
    """How many findings have each verdict, by section of the paper; scores and costs apart."""
    columns = [
        Column("section", "Section of the paper"),
        Column("scores", "Claims on AP and accuracy"),
        Column("costs", "Claims on #MACs and latency"),
    ]
    rows = [
        {"section": title, **_counts([item for item in findings if item.claim.place.startswith(places)])}
        for title, places in _SECTIONS.items()
    ]
    title = "What the paper claims, and what this run says"
    return Table(title, columns, [*rows, {"section": "all", **_counts(findings)}])


def _counts(findings: list[Finding]) -> Row:
    """Findings on scores and on costs, in words."""
    scores = [finding for finding in findings if finding.claim.measure not in COSTS]
    costs = [finding for finding in findings if finding.claim.measure in COSTS]
    return {"scores": _numbers_of_verdicts(scores), "costs": _numbers_of_verdicts(costs)}


def _numbers_of_verdicts(findings: list[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def count(findings: list[Finding]) -> str:
    """How many findings have each verdict, in one sentence."""
    counts = Counter(finding.verdict for finding in findings)
    parts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    return f"Of {len(findings)} findings: {parts}."


def markdown(findings: list[Finding], trainings: int = 1) -> str:
    """The count, the table, the rule, and what the intervals hold.

    Args:
        trainings: of each network, with different seeds.
    """
    return f"{count(findings)}\n\n{table(findings).markdown()}\n{RULE}\n\n{_intervals(trainings)}\n"


def _intervals(trainings: int) -> str:
    if trainings == 1:
        over = """\
Intervals of AP and accuracy are over the test images (paired bootstrap). Each network was trained once: they
do not hold what another seed would change."""
    else:
        over = f"""\
Intervals of AP and accuracy are over the test images (paired bootstrap) and over seeds (Student's t): each
network was trained with {trainings} seeds, all from the same supernet's weights where it starts from one."""
    return f"{over}\nOf gains that are none, one in forty comes out as reproduced."


def metrics(findings: list[Finding]) -> dict[str, Any]:
    """Verdict and interval of each finding by its id, for DVC's comparisons."""
    return {finding.id: {"verdict": finding.verdict, **_numbers(finding)} for finding in findings}


def _numbers(finding: Finding) -> dict[str, float]:
    if finding.measurement is None:
        return {}
    value, low, high = (round(number, 2) for number in finding.measurement.size)
    # A counted cost has no interval.
    return {"value": value} if low == high else {"value": value, "low": low, "high": high}


def _row(findings: Sequence[Finding]) -> Row:
    """A claim with all its findings; :data:`BREAK` stands before each of several."""
    claim = findings[0].claim
    known = [finding.measurement for finding in findings if finding.measurement is not None]
    remarks = [finding.remark for finding in findings]
    row = {
        "verdict": _together([finding.verdict for finding in findings]),
        "words": claim.words,
        "place": claim.place,
        "size": ", ".join(_unique(finding.agreement for finding in findings)),
        "on": "; ".join(_unique([*(item.on for item in known), *remarks])),
    }
    if findings[0].published:
        row["published"] = _between(claim, [size.value for size in findings[0].published], 1)
    if len(known) == 1:
        row["measured"] = f"{measured(findings[0])} {_unit(claim)}{_interval(findings[0])}"
    elif known:
        lines = [_between(claim, [item.size.value for item in known], 2), *map(_in_one_way, findings)]
        row["measured"] = BREAK.join(lines)
    return row


def _together(verdicts: Sequence[str]) -> str:
    """One verdict, or how many there are of each."""
    counts = Counter(verdicts)
    if len(counts) == 1:
        return verdicts[0]
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def _in_one_way(finding: Finding) -> str:
    """One of a claim's findings, in words."""
    way = ", ".join(finding.measurement.way) if finding.measurement else ""
    return f"{way}: {measured(finding)}{_interval(finding)}, {finding.verdict}"


def measured(finding: Finding) -> str:
    """The measured size without its unit; empty where it was not run."""
    return "" if finding.measurement is None else _format(finding.claim, finding.measurement.size.value, 2)


def _interval(finding: Finding) -> str:
    """In brackets after the size; a counted cost has none."""
    if finding.measurement is None or finding.claim.measure == "macs":
        return ""
    low, high = (_format(finding.claim, number, 2) for number in finding.measurement.size[1:])
    return f" ({low} to {high})"


def _between(claim: Claim, sizes: Sequence[float], digits: int) -> str:
    ends = _unique(_format(claim, size, digits) for size in (min(sizes), max(sizes)))
    return f"{' to '.join(ends)} {_unit(claim)}"


def _unique(words: Iterable[str]) -> list[str]:
    """Without the empty ones."""
    return [word for word in dict.fromkeys(words) if word]


def _format(claim: Claim, number: float, digits: int = 1) -> str:
    """A ratio with that many decimals, a difference with its sign and one."""
    return f"{number:.{digits}f}" if claim.expects == "fewer" else f"{number:+z.1f}"


def _unit(claim: Claim) -> str:
    if claim.expects == "fewer":
        return "times"
    if claim.beyond is not None:
        return "points"
    return "AP" if claim.measure == "AP" else "%"
