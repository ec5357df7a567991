"""How a training step is computed: optimizer, bound of the gradient, number format, parts of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from litepose.core.errors import InputError
from litepose.training.optimizer import OPTIMIZERS

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class StepOptions:
    """What changes how far a step goes and what it costs, but not its aim.

    Attributes:
        optimizer: adam, as in the paper, or muon.
        clip_gradient: largest Euclidean norm of the whole gradient; 0 does not bound it.
        precision: float32, or the format of convolutions under autocast (weights and losses stay float32).
        compile: run the network through ``torch.compile``, where its shapes are the same in every step.
        accumulate_grad: parts of a batch that pass the network one after the other to save memory. Loss and
            gradient are the whole batch's, but batch norm sees one part at a time.
    """

    optimizer: str = "adam"
    clip_gradient: float = 0.0
    precision: str = "float32"
    compile: bool = False
    accumulate_grad: int = 1

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise InputError(f"optimizer is {self.optimizer!r}: use one of {', '.join(OPTIMIZERS)}")
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise InputError(f"precision is {self.precision!r}: use one of {known}")
        if self.accumulate_grad < 1 or self.clip_gradient < 0:
            raise InputError(
                f"accumulate_grad is {self.accumulate_grad} and clip_gradient {self.clip_gradient}: give at "
                "least 1 and 0"
            )

    def autocast(self, device: torch.device) -> torch.autocast:
        """Context in which the network runs."""
        dtype = PRECISIONS[self.precision]
        return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)

    def scaler(self, device: torch.device) -> torch.amp.GradScaler:
        """Keeps float16's small gradients from vanishing; does nothing for the other formats."""
        return torch.amp.GradScaler(device.type, enabled=self.precision == "float16")


PLAIN = StepOptions()


def parts_of(batch: Any, count: int) -> Sequence[Any]:
    """A batch (tensor, list, or tuple of them, named or not) in equal parts.

    Raises:
        InputError: the batch cannot be divided equally.
    """
    if count == 1:
        return [batch]
    if isinstance(batch, tuple):
        build = getattr(batch, "_make", tuple)
        return [build(part) for part in zip(*(parts_of(item, count) for item in batch), strict=True)]
    if len(batch) % count:
        raise InputError(
            f"a batch of {len(batch)} images has no {count} equal parts: give an accumulate_grad "
            "that divides batch_size"
        )
    size = len(batch) // count
    if isinstance(batch, Tensor):
        return batch.split(size)
    return [batch[start : start + size] for start in range(0, len(batch), size)]
