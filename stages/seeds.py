"""The trainings of one run with several seeds: which seeds, and what is written about all of them."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from litepose.errors import InputError
from litepose.training import distributed
from stages.common import params, write_json


def seeds() -> list[int]:
    """Seeds of the trainings that the report compares, from the parameters.

    Raises:
        InputError: they are not different whole numbers.
    """
    values = params()["seeds"]
    whole = all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in values)
    if not values or not whole or len(set(values)) < len(values):
        raise InputError(f"params.yaml: seeds is {values}: expected different whole numbers, as in [0, 1, 2]")
    return values


def write(
    stage: str,
    run: str,
    scores: Mapping[int, Mapping[str, float]],
    predictions: Mapping[int, Mapping[str, list]],
    headlines: Sequence[str],
    others: Mapping[str, float],
) -> None:
    """Write what the trainings of a run came to; the first process alone does.

    ``data/predictions/<stage>/<run>/`` holds ``<seed>.json``, the predictions by split, and ``scores.csv``,
    a row of all scores per seed; ``metrics/<stage>/<run>.json`` the means of the headlines and ``others``.

    Args:
        scores: in percent, by seed and name.
        predictions: by seed and split.
        headlines: names of the scores that are metrics; see :func:`means`.
        others: further metrics of the run.
    """
    if distributed.rank():
        return
    table = pd.DataFrame.from_dict(scores, orient="index").rename_axis("seed")
    _write_predictions(Path("data/predictions") / stage / run, predictions, table)
    write_json(Path("metrics") / stage / f"{run}.json", {**means(table, headlines), **others})


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
