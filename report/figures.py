"""The paper's figures as pictures for print: published points hollow, measured points filled."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from litepose.core.files import write_text
from litepose.models.litepose import ARCHITECTURES
from report import architecture, series, style
from report.published import Published
from report.results import Results
from report.runs import FIGURE3, FIGURE6, FIGURE7, FIGURE8
from report.table import Row, Table

_SOURCES = {series.PUBLISHED: (style.GREY, False), series.MEASURED: (style.VERMILLION, True)}
# Colour and shape, so that points on top of each other are told apart.
_FAMILIES = {
    "LitePose": (style.VERMILLION, "o"),
    "HigherHRNet": (style.BLUE, "s"),
    "EfficientHRNet": (style.GREEN, "^"),
    "Lightweight OpenPose": (style.GREY, "D"),
}
_KEY = "Hollow: published. Filled: measured in this run."


def write(directory: Path, published: Published, results: Results) -> dict[str, Table]:
    """Draw the figures of numbers as `<name>.png` and `.svg`, and write their points as `<name>.csv`.

    Returns:
        The points of each figure by its name.
    """
    draw: dict[str, Callable[[list[Row]], Figure]] = {
        "figure1": figure1,
        "figure3": figure3,
        "figure6": figure6,
        "figure7": figure7,
        "figure8": figure8,
        "figure9": figure9,
    }
    points = {name: getattr(series, name)(published, results) for name in draw}
    for name, table in points.items():
        write_text(directory / f"{name}.csv", table.csv())
        with style.settings():
            style.save(draw[name](table.rows), directory / name)
    return points


def figure1(rows: list[Row]) -> Figure:
    """AP on COCO against latency: on the paper's phone, and on this host."""
    figure = style.new_figure(7.0, 2.8)
    labels = []
    axes_of = (series.DEVICES["snapdragon855"], series.DEVICES["host"])
    for axes, axis in zip(figure.subplots(1, 2), axes_of, strict=True):
        points = [row for row in rows if row["axis"] == axis]
        axes.set_xlabel(_with_runtime(axis, points))
        axes.set_ylabel("AP, COCO joints, val")
        labels.append(_draw_systems(axes, points))
    _explain(figure)
    _label(labels)
    return figure


def figure3(rows: list[Row]) -> Figure:
    """AP of HigherHRNet-W16 and its three shrinkings; #MACs as the paper counts under each name."""
    figure = style.new_figure(3.5, 2.4)
    axes = figure.add_subplot()
    names = list(FIGURE3)
    macs = {row["network"]: row["macs_paper_g"] for row in rows if row["macs_paper_g"] is not None}
    ticks = [f"{name}\n{macs[name]:.1f} G" if name in macs else name for name in names]
    axes.set_xticks(range(len(names)), ticks)
    axes.set_xlim(-0.45, len(names) - 0.55)
    axes.set_ylabel("AP, CrowdPose joints")
    _label([_draw_lines(axes, [row | {"x": names.index(row["network"]), "y": row["ap"]} for row in rows])])
    return figure


def figure6(rows: list[Row]) -> Figure:
    """What the fusion head brings (left), and what it reads: feature maps that the backbone has anyway."""
    figure = style.new_figure(7.0, 2.7)
    chart, drawing = figure.subplots(1, 2, width_ratios=(1, 2))
    heads = list(FIGURE6)
    macs = {row["head"]: row["macs_paper_g"] for row in rows if row["macs_paper_g"] is not None}
    chart.set_xticks(range(2), [f"{head}\n{macs[head]:.1f} G" if head in macs else head for head in heads])
    chart.set_xlim(-0.5, 1.5)
    chart.set_ylabel("AP, CrowdPose joints")
    labels = _draw_lines(chart, [row | {"x": heads.index(row["head"]), "y": row["ap"]} for row in rows])
    architecture.draw(drawing, ARCHITECTURES["half"])
    _label([labels])
    return figure


def figure7(rows: list[Row]) -> Figure:
    """Kernel size against AP of 0.5 LitePose, and against its backbone's accuracy on classification."""
    figure = style.new_figure(5.6, 2.4)
    labels = []
    titles = {series.POSE: "AP, CrowdPose joints", series.CLASSIFICATION: "Classification accuracy (%)"}
    for axes, (task, label) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        of_task = [row for row in rows if row["task"] == task]
        shown = {*series.PUBLISHED_KERNELS[task], *(row["kernel"] for row in of_task)}
        kernels = [kernel for kernel in FIGURE7 if kernel in shown]
        axes.set_xticks(kernels, [f"{k}\N{MULTIPLICATION SIGN}{k}" for k in kernels])
        axes.set_xlim(kernels[0] - 1.3, kernels[-1] + 1.6)
        axes.set_xlabel("Kernel of the depthwise convolutions")
        axes.set_ylabel(label)
        points = [row | {"x": row["kernel"], "y": row["score"]} for row in of_task]
        labels.append(_draw_lines(axes, points))
    _label(labels)
    return figure


def figure8(rows: list[Row]) -> Figure:
    """Many branches against one: AP, #MACs, latency, and how many MACs a second executes."""
    figure = style.new_figure(7.0, 2.3)
    panels = figure.subplots(1, 4, sharey=True)
    quantities = (series.AP, series.MACS, series.LATENCY, series.RATE)
    for axes, quantity in zip(panels, quantities, strict=True):
        _draw_bars(axes, [row for row in rows if row["quantity"] == quantity])
        axes.set_xlabel(quantity)
    panels[0].set_yticks(range(len(FIGURE8)), list(FIGURE8))
    panels[0].set_ylim(len(FIGURE8) - 0.4, -0.6)
    here = _with_runtime("on this host", rows)
    _explain(figure, f"{_KEY} Latency: published on Snapdragon 855, measured {here}.")
    return figure


def figure9(rows: list[Row]) -> Figure:
    """AP on CrowdPose against #MACs as the paper counts, latency on this host, and on the paper's boards."""
    figure = style.new_figure(7.0, 5.0)
    grid = figure.add_gridspec(2, 6)
    host, *boards = series.DEVICES.values()
    boxes = {series.MACS: grid[0, :3], host: grid[0, 3:]}
    boxes |= {board: grid[1, 2 * i : 2 * i + 2] for i, board in enumerate(boards)}
    labels = []
    for axis, box in boxes.items():
        axes = figure.add_subplot(box)
        points = [row for row in rows if row["axis"] == axis]
        axes.set_xlabel(_with_runtime(axis, points))
        if box.colspan.start == 0:
            axes.set_ylabel("AP, CrowdPose joints")
        labels.append(_draw_systems(axes, points))
    _explain(figure)
    _label(labels)
    return figure


def lead(rows: list[Row], pictures: list[np.ndarray]) -> Figure:
    """People that a network found, side by side, above AP against #MACs and against latency on this host.

    Args:
        rows: of :func:`figure9`.
        pictures: uint8 RGB.
    """
    width, room = 7.0, 0.06
    shapes = [picture.shape[1] / picture.shape[0] for picture in pictures]  # widths of pictures one inch high
    high = (width - room * (len(shapes) - 1)) / sum(shapes) if shapes else 0.0
    figure = style.new_figure(width, high + 2.6)
    parts: Any = figure.subfigures(2, 1, height_ratios=(high + 1e-3, 2.6))
    people, charts = parts
    left = 0.0
    for picture, shape in zip(pictures, shapes, strict=True):
        axes = people.add_axes((left / width, 0, shape * high / width, 1))
        axes.imshow(picture, aspect="auto")
        axes.set_axis_off()
        left += shape * high + room
    labels = []
    for axes, axis in zip(charts.subplots(1, 2), (series.MACS, series.DEVICES["host"]), strict=True):
        points = [row for row in rows if row["axis"] == axis]
        axes.set_xlabel(_with_runtime(axis, points))
        labels.append(_draw_systems(axes, points))
    charts.axes[0].set_ylabel("AP, CrowdPose joints")
    charts.supxlabel(_KEY, fontsize=8, color=style.GREY)
    _label(labels)
    return figure


def _with_runtime(words: str, rows: list[Row]) -> str:
    """What latencies were measured on, with their runtime before the unit or at the end."""
    text = words.removesuffix(" (ms)")
    names = {row["runtime"] for row in rows if row.get("runtime")}
    return f"{', '.join([text, *names])}{words.removeprefix(text)}" if names else words


def _explain(figure: Figure, text: str = _KEY) -> None:
    figure.supxlabel(text, fontsize=8, color=style.GREY)


def _draw_bars(axes: Axes, rows: list[Row]) -> None:
    """One thin bar per system and source, its value at its end; in words where there is none."""
    values = {(row["system"], row["source"]): row["value"] for row in rows}
    missing = {series.PUBLISHED: "not printed", series.MEASURED: "not run"}
    for (place, system), (source, (color, filled)) in itertools.product(enumerate(FIGURE8), _SOURCES.items()):
        value = values.get((system, source))
        text = missing[source] if value is None else f"{value:.1f}"
        where = place + (0.19 if filled else -0.19)
        width = 0 if value is None else 1
        face = color if filled else "white"
        bar = axes.barh(where, value or 0, 0.3, color=face, edgecolor=color, linewidth=width)
        axes.bar_label(bar, [text], padding=2, fontsize=7.5, color=color)
    axes.set_xlim(0, 1.4 * max(values.values(), default=1))
    axes.grid(False)
    axes.xaxis.set_major_locator(MaxNLocator(3))


def _label(panels: list[style.Labels | None]) -> None:
    for labels in panels:
        if labels is not None:
            style.label_points(labels)


def _draw_lines(axes: Axes, rows: list[Row]) -> style.Labels | None:
    """One line per source, its values beside its points, its name at its last point."""
    lines, texts, colors = [], [], []
    for source, (color, filled) in _SOURCES.items():
        line = np.array([(row["x"], row["y"]) for row in rows if row["source"] == source], float)
        if not len(line):
            continue
        axes.plot(*line.T, **style.marker(color, filled))
        lines.append(line)
        texts += [f"{y:.1f}" for y in line[:-1, 1]] + [f"{line[-1, 1]:.1f}\n{source}"]
        colors += [color] * len(line)
    if not lines:
        _say_not_run(axes)
        return None
    _set_score_range(axes, np.concatenate(lines)[:, 1])
    return style.Labels(axes, texts, colors, lines)


def _draw_systems(axes: Axes, rows: list[Row]) -> style.Labels | None:
    """Points of systems on a logarithmic cost axis; those of one family and source are joined."""
    if not rows:
        _say_not_run(axes)
        return None
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(_short_number))
    axes.xaxis.set_minor_locator(NullLocator())
    lines, texts, colors = [], [], []
    for (family, (color, shape)), (source, (_, filled)) in itertools.product(
        _FAMILIES.items(), _SOURCES.items()
    ):
        members = [row for row in rows if row["family"] == family and row["source"] == source]
        if not members:
            continue
        members.sort(key=lambda row: row["cost"])
        line = np.array([(row["cost"], row["ap"]) for row in members], float)
        axes.plot(*line.T, **style.marker(color, filled, shape))
        lines.append(line)
        # The family is named once, at its largest system.
        texts += [row["system"].removeprefix(f"{family}-") for row in members[:-1]] + [members[-1]["system"]]
        colors += [color] * len(members)
    points = np.concatenate(lines)
    low, high = points[:, 0].min(), points[:, 0].max()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if high > 10 * low else (1, 2, 3, 5, 7)))
    margin = 1.25 * (high / low) ** 0.18
    axes.set_xlim(low / margin, high * margin)
    _set_score_range(axes, points[:, 1])
    return style.Labels(axes, texts, colors, lines)


def _short_number(value: float, _: int) -> str:
    return f"{value:g}" if value < 1e4 else f"{value / 1e3:g}k"


def _set_score_range(axes: Axes, scores: np.ndarray) -> None:
    low, high = float(scores.min()), float(scores.max())
    margin = max(0.15 * (high - low), 1.5)
    # No score is below 0, but the name of one near 0 needs room.
    axes.set_ylim(max(low - margin, -0.1 * high), high + margin)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], min_n_ticks=3))


def _say_not_run(axes: Axes) -> None:
    axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", va="center", color=style.GREY)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
