"""What the networks of a run, one per seed, came to: predictions, a row of scores each, mean metrics."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from litepose.core import distributed
from stages.lib.common.results import write_json


def write(
    name: str,
    scores: Mapping[int, Mapping[str, float]],
    predictions: Mapping[int, Mapping[str, list]],
    headlines: Sequence[str],
    others: Mapping[str, float],
) -> None:
    """Write what the networks of a run came to; the first process alone does.

    ``data/predictions/<name>/`` holds ``<seed>.json``, the predictions by split, and ``scores.csv``,
    a row of all scores per seed; ``metrics/<name>.json`` the means of the headlines and ``others``.

    Args:
        name: ``<stage>/<run>``.
        scores: in percent, by seed and name.
        predictions: by seed and split.
        headlines: names of the scores that are metrics; see :func:`means`.
        others: further metrics of the run.
    """
    if distributed.rank():
        return
    table = pd.DataFrame.from_dict(scores, orient="index").rename_axis("seed")
    _write_predictions(Path("data/predictions") / name, predictions, table)
    write_json(Path("metrics") / f"{name}.json", {**means(table, headlines), **others})


def _write_predictions(
    directory: Path, predictions: Mapping[int, Mapping[str, list]], scores: pd.DataFrame
) -> None:
    """A new directory in place of the old one, which may hold other seeds."""
    temporary = directory.with_name(f".{directory.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for seed, content in predictions.items():
        (temporary / f"{seed}.json").write_text(json.dumps(content))
    scores.to_csv(temporary / "scores.csv")
    shutil.rmtree(directory, ignore_errors=True)
    temporary.replace(directory)


def means(table: pd.DataFrame, headlines: Sequence[str]) -> dict[str, Any]:
    """Mean over the seeds of each headline; of an AP or accuracy also the sample standard deviation.

    Args:
        table: a row per seed, scores in percent.
        headlines: columns. Those with a digit, such as AP50, get no deviation.

    Returns:
        ``<name>``, and of several seeds ``<name>_std``, of two digits.
    """
    values = {}
    for name in headlines:
        values[name] = round(float(table[name].mean()), 2)
        if len(table) > 1 and not any(map(str.isdigit, name)):
            values[f"{name}_std"] = round(float(table[name].std(ddof=1)), 2)
    return values
