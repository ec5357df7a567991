"""What limits each network: AP as it is, with true tags, and with true heatmaps."""

from pathlib import Path

import pandas as pd

from report.results import Results
from report.runs import people_finders
from report.table import Column, Row, Table

NOTE = """\
One half of what a network predicts is replaced by the truth. *True tags*: around each annotated joint its
person's, elsewhere nobody's, so that errors of the heatmaps are left. *True heatmaps*: the training targets,
so that errors of the grouping are left. The half whose truth brings more is what the network lacks most:
train it longer, or weigh its loss more."""
NONE = "No network was tested with true tags and true heatmaps."
_TAGS, _HEATMAPS = "AP_true_tags", "AP_true_heatmaps"


def table(directory: Path, results: Results) -> Table:
    """One row per network that was tested so.

    Args:
        directory: of the predictions, ``<stage>/<run>/scores.csv`` with a row per seed.
        results: tells which runs are this run's.
    """
    columns = [
        Column("network", "Network"),
        Column("AP", "AP", 1),
        Column(_TAGS, "AP, true tags", 1),
        Column(_HEATMAPS, "AP, true heatmaps", 1),
        Column("limit", "Limited most by"),
    ]
    rows = [
        row
        for run, name in people_finders().items()
        if results.asked_for(run) and (row := _row(name, directory / run / "scores.csv"))
    ]
    return Table("What limits each network", columns, rows)


def _row(name: str, path: Path) -> Row | None:
    """Means over the seeds; None where a network was not tested with the truth."""
    if not path.is_file():
        return None
    scores = pd.read_csv(path)
    if not {_TAGS, _HEATMAPS} <= set(scores.columns):
        return None
    means = {column: float(scores[column].mean()) for column in ("AP", _TAGS, _HEATMAPS)}
    limit = "heatmaps" if means[_HEATMAPS] > means[_TAGS] else "tags"
    return {"network": name, **means, "limit": limit}
