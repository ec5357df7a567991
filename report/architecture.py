"""The dataflow of a Lite Pose network, drawn from its channel widths."""

from matplotlib.axes import Axes

from litepose.models.litepose import Architecture
from report import style

# Column of each feature map: stem, four stages; and of the three transposed convolutions' outputs.
_STRIDES = (2, 4, 8, 16, 16)
_BACKBONE, _HEAD, _PREDICTION = 0.0, 1.0, 2.0


def draw(axes: Axes, network: Architecture) -> None:
    """Backbone (below), head and predictions (above), by stride; what fusion adds in colour.

    Each box states a feature map's channels. Only the coloured arrows distinguish the fusion head
    (section 3.3, Figure 6) from a plain one.
    """
    names = ("stem", "stage 1", "stage 2", "stage 3", "stage 4")
    for column, (name, channels) in enumerate(zip(names, (network.stem, *network.stages), strict=True)):
        _box(axes, column, _BACKBONE, f"{name}\n{channels}")
    for level, channels in enumerate(network.deconv):
        _box(axes, 2 - level, _HEAD, f"deconv {level + 1}\n{channels}")
    for column in (0, 1):
        _box(axes, column, _PREDICTION, "prediction")
    for column in range(4):
        _arrow(axes, (column, _BACKBONE), (column + 1, _BACKBONE))
    _arrow(axes, (4, _BACKBONE), (2, _HEAD))
    for column in (2, 1):
        _arrow(axes, (column, _HEAD), (column - 1, _HEAD))
    for column in (1, 0):
        _arrow(axes, (column, _HEAD), (column, _PREDICTION))
    for column in (3, 2, 1):
        _arrow(axes, (column, _BACKBONE), (column - 1, _HEAD), fusion=True)
    for column in (1, 0):
        _arrow(axes, (column, _BACKBONE), (column, _PREDICTION), fusion=True, bend=0.6)
    note = "orange: what the fusion\nhead adds to a plain one"
    axes.text(4.4, 1.95, note, color=style.VERMILLION, fontsize=8, ha="right", va="center", linespacing=1.1)
    axes.set_xlim(-0.75, 4.5)
    axes.set_ylim(-0.35, 2.3)
    axes.set_xticks(range(5), [f"1/{stride}" for stride in _STRIDES])
    axes.set_xlabel("Resolution, share of the input's; in boxes: channels")
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _box(axes: Axes, column: float, row: float, text: str) -> None:
    frame = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": style.GREY, "linewidth": 0.8}
    axes.text(column, row, text, ha="center", va="center", fontsize=7.5, bbox=frame, zorder=3)


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], fusion: bool = False, bend: float = 0.0
) -> None:
    look = {
        "arrowstyle": "-|>",
        "color": style.VERMILLION if fusion else style.GREY,
        "shrinkA": 16,
        "shrinkB": 8 if end[1] == _PREDICTION else 16,
        "connectionstyle": f"arc3,rad={-bend}",
        "linewidth": 1.1,
        "mutation_scale": 8,
    }
    axes.annotate("", end, start, arrowprops=look)
