"""All runs' training curves, and all searches, as one table each: one plot compares the runs of a stage."""

import itertools
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from report import style
from report.results import Results

_PANELS = 3  # side by side
CURVES = {"loss": "loss", "monitor_AP": "AP"}  # file of a run -> column


def collect(directory: Path, results: Results) -> pd.DataFrame:
    """Read what the trainings logged.

    Args:
        directory: holds ``<stage>/<run>/plots/metrics/<metric>.tsv`` with a column ``step``.
        results: tells which runs are this run's.

    Returns:
        Columns stage, run, epoch, loss, AP (percent, on the monitored images; empty where not measured).
    """
    tables = []
    for run in sorted(path.parent.parent for path in directory.glob("*/*/plots/metrics")):
        if not results.asked_for(f"{run.parent.name}/{run.name}"):
            continue
        series = [
            pd.read_csv(file, sep="\t").set_index("step")[metric].rename(column)
            for metric, column in CURVES.items()
            if (file := run / "plots/metrics" / f"{metric}.tsv").is_file()
        ]
        if series:
            table = pd.concat(series, axis=1).rename_axis("epoch").reset_index()
            tables.append(table.assign(stage=run.parent.name, run=run.name))
    columns = ["stage", "run", "epoch", *CURVES.values()]
    return pd.concat(tables).reindex(columns=columns) if tables else pd.DataFrame(columns=columns)


def collect_searches(directory: Path, results: Results) -> pd.DataFrame:
    """Read this run's histories ``<search>.csv`` as one table with the column ``search``."""
    found = [path for path in sorted(directory.glob("*.csv")) if results.asked_for(f"search/{path.stem}")]
    tables = [pd.read_csv(path).assign(search=path.stem) for path in found]
    return pd.concat(tables) if tables else pd.DataFrame(columns=["search"])


def write(directory: Path, training: pd.DataFrame) -> None:
    """Draw `training_loss` and `training_ap`, `.png` and `.svg`."""
    for column in CURVES.values():
        with style.settings():
            style.save(draw(training, column), directory / f"training_{column.lower()}")


def draw(training: pd.DataFrame, column: str) -> Figure:
    """One panel per stage, one curve per run that logged this column of :func:`collect`'s table."""
    stages = dict(list(training.dropna(subset=[column]).groupby("stage")))
    rows = max(1, -(-len(stages) // _PANELS))
    figure = style.new_figure(7.0, 1.8 * rows + 0.2)
    panels = figure.subplots(rows, _PANELS, squeeze=False).flat
    for stage, runs in stages.items():
        _draw_stage(next(panels), stage, runs, column)
    for axes in figure.axes[len(stages) :]:
        axes.set_axis_off()
    if not stages:
        figure.axes[0].text(0, 0.5, "no training logged this", color=style.GREY)
    figure.supxlabel("Epoch", fontsize=8)
    return figure


def _draw_stage(axes: Axes, stage: str, runs: pd.DataFrame, column: str) -> None:
    """Curves of a stage's runs."""
    for (run, curve), color in zip(runs.groupby("run"), itertools.cycle(style.COLORS), strict=False):
        axes.plot(curve["epoch"], curve[column], color=color, marker="o", markersize=2.5, label=run)
    axes.set_title(f"{stage}: {column}")
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    _draw_names(axes, runs["run"].nunique())


def _draw_names(axes: Axes, count: int) -> None:
    """A legend of so many names above the curves, in two columns where they are many."""
    columns = 1 if count <= 2 else 2
    share = 0.06 + 0.11 * -(-count // columns)  # of the panel's height
    low, high = axes.get_ylim()
    axes.set_ylim(low, low + (high - low) / (1 - min(share, 0.6)))
    axes.legend(
        loc="upper left",
        ncols=columns,
        fontsize=7,
        frameon=False,
        handlelength=1.0,
        columnspacing=0.8,
        labelspacing=0.2,
        borderaxespad=0.1,
    )
