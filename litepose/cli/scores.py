"""AP of a network on annotated images, with its 95 % interval."""

import sys
from typing import NamedTuple

import torch
from torch import nn

from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import Annotations
from litepose.evaluation import evaluate
from litepose.evaluation.bootstrap import Interval, Matches, interval, matches
from litepose.inference import predict

INTERVALS = {"AP": None, "AP50": 0.5, "AP75": 0.75}  # scores that have one, and their OKS threshold


class Scored(NamedTuple):
    """What a network reaches: all scores of the evaluator (0 to 1), and what intervals are made of."""

    scores: dict[str, float]
    matches: Matches

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
    return Scored(scores, matches(images.file, found, skeleton, ids))


def in_percent(value: Interval) -> str:
    """Such as ``12.3 (10.1 to 14.5)``."""
    return f"{100 * value.value:.1f} ({100 * value.low:.1f} to {100 * value.high:.1f})"
