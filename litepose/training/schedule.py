"""The learning rate over a run: linear warm-up, steps down by ten (paper, section 5.2), linear decay."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from litepose.core.errors import InputError

REFERENCE_BATCH = 32


@dataclass(frozen=True)
class Schedule:
    """How long a network trains, and how fast it learns when.

    Attributes:
        epochs: passes over the training images.
        batch_size: images per step.
        learning_rate: the optimizer's at batch 32; other batch sizes scale it linearly.
        milestones: epochs, whole or not, after which the rate drops to a tenth.
        warmup_epochs: epochs, or a part of one, over which the rate grows linearly from zero.
        decay_epochs: epochs at the end, or a part of one, over which the rate falls linearly to zero, as
            short runs need (one-cycle training); none in the paper.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    milestones: Sequence[float]
    warmup_epochs: float
    decay_epochs: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate"):
            value = getattr(self, name)
            if value <= 0:
                raise InputError(f"{name} is {value}: give a positive number")

    @property
    def base_rate(self) -> float:
        """Learning rate after the warm-up, for this batch size."""
        return self.learning_rate * self.batch_size / REFERENCE_BATCH

    def factor(self, step: int, steps_per_epoch: int) -> float:
        """Share of the base rate that applies in a step, counted from 0 over the whole run."""
        warmup = _ramp(step + 1, self.warmup_epochs * steps_per_epoch)
        decay = _ramp(self.epochs * steps_per_epoch - step, self.decay_epochs * steps_per_epoch)
        return warmup * decay * 0.1 ** bisect_right(sorted(self.milestones), step / steps_per_epoch)


def _ramp(steps: float, length: float) -> float:
    """From 0 to 1 over a number of steps; 1 where it has no length."""
    return min(1.0, steps / length) if length > 0 else 1.0
