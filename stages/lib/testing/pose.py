"""Testing pose networks on a data set's test splits: predictions, scores, metrics."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from torch import nn

from litepose import complexity
from litepose.evaluation import evaluate
from litepose.evaluation.average_precision import percent
from litepose.inference.prediction import Change, unchanged
from litepose.inference.truth import Truth
from stages.lib.common.data import KeypointData
from stages.lib.common.parameters import Values
from stages.lib.testing import scores
from stages.lib.testing.detection import detect_changed


class Tested(NamedTuple):
    """A network on the tested splits: its scores in percent, its detections by split.

    The first split's scores have their plain names, those of the others end in the split's name.
    """

    scores: dict[str, float]
    detections: dict[str, list[dict]]


def test(title: str, network: nn.Module, data: KeypointData, resolution: int, values: Values) -> Tested:
    """Find people with a network in all tested splits, and evaluate them.

    On the first split, ``AP_true_tags`` and ``AP_true_heatmaps`` say what AP would be if one half of the
    predictions were perfect.
    """
    evaluator = values["evaluation"]["crowdpose_evaluator"]
    found_scores: dict[str, float] = {}
    found: dict[str, list[dict]] = {}
    for position, split in enumerate(data.test):
        images = data.load(split)
        ending, halves = (f"_{split}", {}) if position else ("", _halves(Truth.of(images)))
        changes = [unchanged, *halves.values()]
        detections = detect_changed(network, images, data.skeleton, resolution, values, changes)
        result, *improved = (
            percent(evaluate(data.splits[split][0], people, data.skeleton, None, evaluator))
            for people in detections
        )
        logging.info("%s: AP %.1f, AP50 %.1f on %s", title, result["AP"], result["AP50"], split)
        found_scores |= {f"{name}{ending}": value for name, value in result.items()}
        found_scores |= {name: one["AP"] for name, one in zip(halves, improved, strict=True)}
        found[split] = detections[0]
    return Tested(found_scores, found)


def _halves(truth: Truth) -> dict[str, Change]:
    """Names of scores, and what makes one half of the predictions perfect for each."""
    return {"AP_true_tags": truth.tags, "AP_true_heatmaps": truth.heatmaps}


def write(
    name: str,
    tested: Mapping[int, Tested],
    network: nn.Module,
    data: KeypointData,
    resolution: int,
    seconds: float,
) -> None:
    """Write predictions, scores and metrics of a run.

    Args:
        name: ``<stage>/<run>``.
        tested: its networks by their seeds.
        network: one of them, whose cost is that of all.
        data: that they were tested on.
        resolution: px, that they were trained for.
        seconds: that all tests took.
    """
    others = (f"AP_{split}" for split in data.test[1:])
    counted = complexity.count(network, resolution)
    scores.write(
        name,
        {seed: result.scores for seed, result in tested.items()},
        {seed: result.detections for seed, result in tested.items()},
        ("AP", "AP50", "AP75", *others),
        {
            "resolution": resolution,
            "params_m": round(counted["params"] / 1e6, 3),
            "macs_g": round(counted["macs"] / 1e9, 4),
            "seconds": round(seconds),
        },
    )
