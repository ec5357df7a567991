"""How figures look: fonts, sizes, colours, markers, and labels that keep clear of each other."""

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from litepose.core.files import write_bytes

# Okabe and Ito's palette: told apart with every common colour blindness, and in grey.
BLUE, VERMILLION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"
COLORS = (BLUE, VERMILLION, GREEN, GREY, "#CC79A7", "#E69F00")
_SETTINGS: Any = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.3,
    "lines.markersize": 5.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    # The same drawing gives the same bytes.
    "svg.hashsalt": "litepose",
}
_DOTS_PER_INCH = 220


class Labels(NamedTuple):
    """Names of points in one panel.

    Attributes:
        axes: the panel, with its final limits.
        texts: N names.
        colors: N colours.
        lines: polylines [M, 2] in data coordinates, which labels should not cross; their points,
            in order, are the N points.
    """

    axes: Axes
    texts: Sequence[str]
    colors: Sequence[str]
    lines: Sequence[np.ndarray]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def settings() -> Any:
    """The context in which a figure is made."""
    return mpl.rc_context(_SETTINGS)


def save(figure: Figure, stem: Path, dots_per_inch: int = _DOTS_PER_INCH) -> None:
    """Write `<stem>.png` and `<stem>.svg`."""
    for kind in ("png", "svg"):
        content = io.BytesIO()
        stamp = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(content, format=kind, dpi=dots_per_inch, metadata=stamp)
        write_bytes(stem.with_suffix(f".{kind}"), content.getvalue())


def marker(color: str, filled: bool, shape: str = "o") -> dict[str, Any]:
    """Measured points are filled, published ones hollow."""
    return {
        "marker": shape,
        "color": color,
        "markerfacecolor": color if filled else "white",
        "markeredgewidth": 1.2,
    }


def label_points(labels: Labels) -> None:
    """Name the points of a panel, each where its name covers least; call it when all panels are drawn."""
    axes = labels.axes
    _figure(axes).draw_without_rendering()
    points = np.concatenate(labels.lines)
    centres = axes.transData.transform(points)
    corners = centres[:, None] + [[-_CLEAR, -_CLEAR], [_CLEAR, _CLEAR]]
    obstacles = [Bbox(corner) for corner in corners]
    strokes = np.concatenate([_dense(axes.transData.transform(line)) for line in labels.lines])
    inside = axes.get_window_extent()
    names = [_name(axes, *name) for name in zip(points, labels.texts, labels.colors, strict=True)]
    choices = [
        [_box(axes, size, centre, place) for place in _PLACES]
        for size, centre in zip((_size(name) for name in names), centres, strict=True)
    ]
    rivals = [
        np.array([other == color and number != index for number, other in enumerate(labels.colors)])
        for index, color in enumerate(labels.colors)
    ]
    boxes: dict[int, Bbox] = {}
    # Each name gives way to those placed before it; a second and third turn lets the early ones move too.
    for index in [*range(len(names))] * 3:
        taken = obstacles + [box for other, box in boxes.items() if other != index]
        costs = [
            _covered(box, taken, strokes, inside)
            + _MISLEADS * _nearer_to_another(box, centres[index], centres[rivals[index]])
            for box in choices[index]
        ]
        best = int(np.argmin(costs))
        _place(names[index], _PLACES[best])
        boxes[index] = choices[index][best]


def _figure(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def _name(axes: Axes, point: np.ndarray, text: str, color: str) -> Annotation:
    name = axes.annotate(
        text, tuple(point), xytext=(0, 0), textcoords="offset points", fontsize=7.5, color=color
    )
    name.set_in_layout(False)
    name.set_linespacing(1.0)
    name.set_path_effects([withStroke(linewidth=2, foreground="white")])
    return name


def _size(name: Annotation) -> np.ndarray:
    """Width and height in pixels."""
    return np.array(name.get_window_extent().size)


Place = tuple[tuple[float, float], Literal["left", "center", "right"], Literal["top", "center", "bottom"]]
# Half the side, in pixels, of the square around a point that stays free.
_CLEAR = 5.0
# Square pixels that a label near another point of its colour than its own counts for.
_MISLEADS = 400.0
# Offset in points and alignment of a label, best first.
_PLACES: list[Place] = [
    ((6, 0), "left", "center"),
    ((-6, 0), "right", "center"),
    ((0, 6), "center", "bottom"),
    ((0, -6), "center", "top"),
    ((4, 5), "left", "bottom"),
    ((-4, 5), "right", "bottom"),
    ((4, -5), "left", "top"),
    ((-4, -5), "right", "top"),
    ((0, 15), "center", "bottom"),
    ((0, -15), "center", "top"),
    ((8, 12), "left", "bottom"),
    ((-8, 12), "right", "bottom"),
    ((8, -12), "left", "top"),
    ((-8, -12), "right", "top"),
]


def _place(label: Annotation, place: Place) -> None:
    offset, horizontal, vertical = place
    label.set_position(offset)
    label.set_horizontalalignment(horizontal)
    label.set_verticalalignment(vertical)


def _box(axes: Axes, size: np.ndarray, centre: np.ndarray, place: Place) -> Bbox:
    """What a label of this size would cover at a place beside a point; all in pixels."""
    offset, horizontal, vertical = place
    before = {"left": 0.0, "center": 0.5, "right": 1.0}[horizontal]
    below = {"bottom": 0.0, "center": 0.5, "top": 1.0}[vertical]
    corner = centre + np.array(offset) * _figure(axes).dpi / 72 - size * (before, below)
    return Bbox.from_bounds(*corner, *size)


def _covered(box: Bbox, obstacles: Sequence[Bbox], strokes: np.ndarray, inside: Bbox) -> float:
    """Area in square pixels that a label would cover or put outside the axes."""
    overlaps = (Bbox.intersection(box, other) for other in obstacles)
    covered = sum(overlap.width * overlap.height for overlap in overlaps if overlap is not None)
    within = Bbox.intersection(box, inside)
    outside = box.width * box.height - (within.width * within.height if within is not None else 0)
    crossing = np.all((strokes > box.min) & (strokes < box.max), axis=1).sum()
    return float(covered + 5 * max(outside, 0) + 20 * crossing)


def _nearer_to_another(box: Bbox, own: np.ndarray, others: np.ndarray) -> bool:
    """Whether a label lies closer to some other point [N, 2] than to its own [2]."""
    centres = np.concatenate([own[None], others])
    gaps = np.maximum(np.maximum(box.min - centres, centres - box.max), 0)
    distances = np.hypot(*gaps.T)
    return bool(distances[0] > distances.min() + 1)


def _dense(line: np.ndarray) -> np.ndarray:
    """Points along a polyline [M, 2], 50 to a segment."""
    steps = np.linspace(0, 1, 50)[:, None]
    return np.concatenate([line, *(a + steps * (b - a) for a, b in itertools.pairwise(line))])
