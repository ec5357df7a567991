"""All claims in one picture: measured interval, published size, the side that the paper claims, verdict."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from report import style, verdicts
from report.claims import CONTRADICTED, COSTS, INCONCLUSIVE, MEASURES, REPRODUCED, Claim, Finding, bound

# Shape and fill tell verdicts apart as well as colour does.
_LOOKS: dict[str, dict[str, Any]] = {
    REPRODUCED: {"marker": "o", "color": style.GREEN, "markerfacecolor": style.GREEN},
    CONTRADICTED: {"marker": "X", "color": style.VERMILLION, "markerfacecolor": style.VERMILLION},
    INCONCLUSIVE: {"marker": "s", "color": style.GREY, "markerfacecolor": "white"},
}
_CLAIMED = "#E3F1EC"
_PUBLISHED: dict[str, Any] = {"color": style.BLUE, "linewidth": 1.6}
_LINE = 0.125  # inches
_GAP = 0.45  # lines between two claims
_COLUMN, _MARGIN = 3.5, 0.1  # inches: of a column, at its sides
_FOOT, _HEAD, _KEY = 0.42, 0.3, 0.9  # inches: a panel's axis, its title, the key
_CHARACTERS = 66  # of a line of words in a column


class Group(NamedTuple):
    """One claim with its findings: several where it was measured in several ways."""

    claim: Claim
    findings: list[Finding]


class Panel(NamedTuple):
    """Claims of one kind, by section of the paper.

    Attributes:
        numbers: inches that these take at its right.
        ratio: whether sizes are ratios, on a logarithmic axis; else they are differences in points.
    """

    title: str
    axis: str
    numbers: float
    ratio: bool
    sections: dict[str, list[Group]]

    @property
    def lines(self) -> float:
        """Its height in lines."""
        groups = [group for section in self.sections.values() for group in section]
        return sum(map(_lines, groups)) + 1.6 * len(self.sections) + 0.3


def panels(findings: Sequence[Finding]) -> list[Panel]:
    """Scores, costs and latencies, without the panels that have no claim."""
    costs = "Ratio (large: MACs as the paper counts, small: true)"
    kinds: list[tuple[str, str, float, tuple[str, ...]]] = [
        ("AP and accuracy", "Difference in points", 0.4, tuple(set(MEASURES) - set(COSTS))),
        ("#MACs", costs, 0.8, ("macs",)),
        ("Latency", "Ratio", 1.2, ("latency", "time per MAC")),
    ]
    found = []
    for title, axis, numbers, measures in kinds:
        of_kind = [finding for finding in findings if finding.claim.measure in measures]
        sections = {
            section: [Group(members[0].claim, members) for members in claims]
            for section, claims in verdicts.grouped(of_kind).items()
        }
        if sections:
            found.append(Panel(title, axis, numbers, measures[0] in COSTS, sections))
    return found


def write(directory: Path, findings: Sequence[Finding]) -> None:
    """Draw `claims`, in two columns, and `claims_narrow`, in one, as `.png` and `.svg`."""
    drawn = panels(findings)
    with style.settings():
        style.save(draw([drawn[:1], drawn[1:]]), directory / "claims")
        style.save(draw([drawn]), directory / "claims_narrow")


def draw(columns: Sequence[Sequence[Panel]]) -> Figure:
    """Panels below each other, in columns beside each other; the key below the first column."""
    heights = [sum(map(_height, column)) for column in columns]
    heights[0] += _KEY
    width, height = len(columns) * (_COLUMN + 2 * _MARGIN), max(heights)
    figure = style.new_figure(width, height)
    figure.set_layout_engine("none")
    for number, column in enumerate(columns):
        left, top = number * (_COLUMN + 2 * _MARGIN) + _MARGIN, height
        for panel in column:
            high, wide = panel.lines * _LINE, _COLUMN - panel.numbers
            bottom = top - _HEAD - high
            axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
            _draw_panel(axes, panel)
            top -= _height(panel)
        if number == 0:
            _explain(figure, (_MARGIN / width, top / height))
    return figure


def _height(panel: Panel) -> float:
    """Inches."""
    return _HEAD + panel.lines * _LINE + _FOOT


def _lines(group: Group) -> float:
    return len(_words(group)) + _tracks(group) + _GAP


def _words(group: Group) -> list[str]:
    return textwrap.wrap(group.claim.words, _CHARACTERS)


def _tracks(group: Group) -> int:
    """Lines of intervals: one per runtime; counted costs have none and share a line."""
    return 1 if group.claim.measure == "macs" else len(group.findings)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set_ylim(panel.lines, 0)
    _set_range(axes, panel)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold", pad=5)
    axes.set_xlabel(panel.axis, labelpad=1)
    at = 0.3
    for section, groups in panel.sections.items():
        _write(axes, at + 0.7, section, style.BLUE)
        at += 1.6
        for group in groups:
            _draw_group(axes, at, group, panel.ratio)
            at += _lines(group)


def _draw_group(axes: Axes, at: float, group: Group, ratio: bool) -> None:
    """The claim's words, and below them its intervals."""
    for line in _words(group):
        _write(axes, at + 0.5, line)
        at += 1
    if group.findings[0].measurement is None:
        _write(
            axes, at + 0.5, f"not run: {group.findings[0].remark.removesuffix(' was not run')}", style.GREY
        )
        return
    _shade(axes, at, group, ratio)
    for number, finding in enumerate(group.findings):
        shared = group.claim.measure == "macs"
        _draw_finding(axes, at + 0.5 + (0 if shared else number), finding, ratio, small=shared and number > 0)
    for number, text in enumerate(_numbers(group)):
        axes.annotate(
            text,
            (1, at + 0.5 + number),
            xycoords=axes.get_yaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=6.8,
            va="center",
            annotation_clip=False,
        )


def _shade(axes: Axes, at: float, group: Group, ratio: bool) -> None:
    """The side of the bound that the paper claims, and the sizes that it prints."""
    limit, above = bound(group.claim.expects, group.findings[0].published)
    where = _position(limit, group.claim, ratio)
    low, high = axes.get_xlim()
    side = (where, high) if above else (low, where)
    box = Rectangle(
        (side[0], at + 0.04), side[1] - side[0], _tracks(group) - 0.08, color=_CLAIMED, linewidth=0
    )
    axes.add_patch(box)
    ends = [at + 0.04, at + _tracks(group) - 0.04]
    axes.plot([where] * 2, ends, color=style.GREY, linewidth=0.8)
    for printed in group.findings[0].published:
        axes.plot([_position(printed.value, group.claim, ratio)] * 2, ends, **_PUBLISHED)


def _draw_finding(axes: Axes, at: float, finding: Finding, ratio: bool, small: bool) -> None:
    assert finding.measurement is not None
    value, low, high = (_position(size, finding.claim, ratio) for size in finding.measurement.size)
    look = _LOOKS[finding.verdict]
    axes.plot([low, high], [at, at], color=look["color"], linewidth=1.4, solid_capstyle="butt")
    axes.plot([value], [at], markersize=3.6 if small else 5, markeredgewidth=1, linestyle="", **look)


def _numbers(group: Group) -> list[str]:
    """What stands at the right of a claim's lines."""
    numbers = [verdicts.measured(finding) for finding in group.findings]
    if group.claim.measure == "macs":
        return [f"{', '.join(numbers)}{' %' if group.claim.expects == 'at most' else ''}"]
    if len(numbers) == 1:
        return numbers
    ways = [finding.measurement.way if finding.measurement else () for finding in group.findings]
    shared = set(ways[0]).intersection(*ways)
    own = [", ".join(part.removesuffix(" MACs") for part in way if part not in shared) for way in ways]
    return [f"{number}  {name}" for number, name in zip(numbers, own, strict=True)]


def _position(size: float, claim: Claim, ratio: bool) -> float:
    """Where a size lies on the axis: what is claimed in percent is a ratio among ratios."""
    return 1 + size / 100 if ratio and claim.expects == "at most" else size


def _set_range(axes: Axes, panel: Panel) -> None:
    """Room for all intervals, bounds and published sizes."""
    shown = [0.9, 1.1] if panel.ratio else [-1.5, 1.5]
    for group in (group for section in panel.sections.values() for group in section):
        for finding in group.findings:
            sizes = [size.value for size in finding.published]
            sizes += finding.measurement.size if finding.measurement else []
            shown += [_position(size, group.claim, panel.ratio) for size in sizes]
    if panel.ratio:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}\N{MULTIPLICATION SIGN}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(min(shown) / 1.08, max(shown) * 1.08)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))
        margin = 0.04 * (max(shown) - min(shown))
        axes.set_xlim(min(shown) - margin, max(shown) + margin)


def _write(axes: Axes, at: float, text: str, color: str = "black") -> None:
    """Words from the panel's left edge on, over the numbers' column too."""
    axes.text(0, at, text, transform=axes.get_yaxis_transform(), fontsize=7.5, va="center", color=color)


def _explain(figure: Figure, corner: tuple[float, float]) -> None:
    """The key, with its upper left corner at a place of the figure."""
    marks: dict[str, Any] = {"linewidth": 1.4, "markersize": 5, "markeredgewidth": 1}
    tick: dict[str, Any] = {"marker": "|", "markersize": 8, "markeredgewidth": 1.6, "linestyle": ""}
    key: dict[str, Line2D | Patch] = {
        f"{verdict}, with the 95 % interval": Line2D([], [], **marks, **look)
        for verdict, look in _LOOKS.items()
    }
    key["published"] = Line2D([], [], color=style.BLUE, **tick)
    key["the side that the paper claims, from its bound on"] = Patch(color=_CLAIMED)
    figure.legend(
        key.values(), key.keys(), loc="upper left", bbox_to_anchor=corner, fontsize=7.5, frameon=False,
        borderaxespad=0.0, borderpad=0.0, labelspacing=0.35,
    )  # fmt: skip
