"""AP of a network on annotated images, with its 95 % interval."""

import sys
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import Annotations
from litepose.evaluation import evaluate
from litepose.evaluation.average_precision import EASY_BELOW, MEDIUM_BELOW, truth_and_results
from litepose.evaluation.bootstrap import Interval, Matches, interval, matches
from litepose.inference import predict

MEDIUM, LARGE = 32**2, 96**2  # px: from where on COCO's evaluator calls a person's area so
INTERVALS = {"AP": None, "AP50": 0.5, "AP75": 0.75}  # scores that have one, and their OKS threshold


class Scored(NamedTuple):
    """What a network reaches.

    Attributes:
        scores: all of the evaluator, 0 to 1.
        matches: what intervals are made of.
        absent: scores that say nothing, because nobody is annotated whom they are about.
    """

    scores: dict[str, float]
    matches: Matches
    absent: frozenset[str]

    def interval(self, name: str = "AP") -> Interval:
        """A score of ``INTERVALS`` with its 95 % interval over images that could have been taken instead."""
        threshold = INTERVALS[name]
        return interval([self.matches.at(threshold) if threshold else self.matches])


def score(
    model: nn.Module,
    images: Annotations,
    skeleton: Skeleton,
    input_size: int,
    *,
    device: torch.device,
    flip: bool = True,
) -> Scored:
    """Find people in annotated images and compare them; a progress bar on a terminal."""
    found = predict(
        model, images, skeleton, input_size, flip=flip, device=device, progress=sys.stderr.isatty()
    )
    ids = [image.id for image in images]
    scores = evaluate(images.file, found, skeleton, ids)
    truth, _ = truth_and_results(images.file, [], skeleton, ids)
    return Scored(scores, matches(images.file, found, skeleton, ids), absent(truth, skeleton))


def absent(truth: dict[str, Any], skeleton: Skeleton) -> frozenset[str]:
    """Scores of a part of the people, for which there are none.

    Args:
        truth: an annotation file's content.
        skeleton: decides which evaluator's scores they are.
    """
    people = [person for person in truth["annotations"] if person["num_keypoints"] and not person["iscrowd"]]
    if skeleton.name == "crowdpose":  # parts by the crowdIndex of their image
        crowding = {image["id"]: image["crowdIndex"] for image in truth["images"]}
        values = np.array([crowding[person["image_id"]] for person in people])
        easy, hard = values < EASY_BELOW, values >= MEDIUM_BELOW
        parts = {"AP_easy": easy, "AP_medium": ~easy & ~hard, "AP_hard": hard}
    else:
        values = np.array([person["area"] for person in people])
        parts = {"AP_medium": (values >= MEDIUM) & (values <= LARGE), "AP_large": values >= LARGE}
    return frozenset(name for name, part in parts.items() if not part.any())


def in_percent(value: Interval) -> str:
    """Such as ``12.3 (10.1 to 14.5)``."""
    return f"{100 * value.value:.1f} ({100 * value.low:.1f} to {100 * value.high:.1f})"
