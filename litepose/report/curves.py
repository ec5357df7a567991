"""All runs' training curves, and all searches, as one table each: one plot compares the runs of a stage."""

from pathlib import Path

import pandas as pd

from litepose.report.results import Results

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
