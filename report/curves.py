"""All runs' training curves, and all searches, as one table each: one plot compares the runs of a stage."""

import itertools
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from report import style
from report.results import Results
from report.runs import SEARCHES

_PANELS = 3  # side by side
_METHODS = {"evolution": (style.VERMILLION, "-"), "random": (style.GREY, "--")}
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


def write(directory: Path, training: pd.DataFrame, searches: pd.DataFrame) -> None:
    """Draw `training_loss`, `training_ap` and `search`, as `.png` and `.svg`."""
    with style.settings():
        for column in CURVES.values():
            style.save(draw(training, column), directory / f"training_{column.lower()}")
        style.save(draw_searches(searches), directory / "search")


def draw_searches(searches: pd.DataFrame) -> Figure:
    """One panel per search: the best AP so far of the evolution and of the random search beside it."""
    panels = [(name, runs) for name, runs in searches.groupby("search") if name in SEARCHES]
    figure = style.new_figure(3.5 * max(len(panels), 1), 2.4)
    row = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    if not panels:
        row[0].text(0, 0.5, "not run", color=style.GREY)
        row[0].set_axis_off()
    for axes, (name, runs) in zip(row, panels, strict=False):
        axes.set_title(SEARCHES[str(name)])
        axes.set_xlabel("Networks evaluated")
        axes.set_ylabel("Best AP so far, val")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        for method, (color, dashes) in _METHODS.items():
            _draw_progress(axes, best_so_far(runs[runs["method"] == method]), method, color, dashes)
        axes.legend(loc="lower right", fontsize=8, frameon=False)
    return figure


def best_so_far(runs: pd.DataFrame) -> pd.DataFrame:
    """How the best AP of one method grows with the networks that it has evaluated.

    Args:
        runs: rows of one search and method: `evaluated` counts each seed's networks from 1 on, `best` is the
            highest AP of these.

    Returns:
        Indexed by networks evaluated: columns mean, low, high: over the seeds, with the 95 % interval of the
        mean (Student's t), which is the mean alone where there is one seed.
    """
    best = runs.pivot(index="evaluated", columns="seed", values="best").ffill()
    count, mean = best.shape[1], best.mean(axis=1)
    wide = stats.t.ppf(0.975, count - 1) * best.std(axis=1) / count**0.5 if count > 1 else 0.0
    return pd.DataFrame({"mean": mean, "low": mean - wide, "high": mean + wide})


def _draw_progress(axes: Axes, best: pd.DataFrame, method: str, color: str, dashes: str) -> None:
    """A line in steps, and its interval as a band."""
    axes.step(best.index, best["mean"], where="post", color=color, linestyle=dashes, label=method)
    low = best["low"].clip(lower=0)  # no AP is below
    axes.fill_between(best.index, low, best["high"], step="post", color=color, alpha=0.18, linewidth=0)


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
