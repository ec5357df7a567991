"""Batch norm whose statistics stay as they are while a network trains, for small batches of few images."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from torch import nn


@contextmanager
def frozen_statistics(model: nn.Module) -> Iterator[None]:
    """While the context lasts, a network's batch norms keep their statistics; scales and shifts still learn.

    The network keeps its modules and their names.
    """
    norms = [module for module in model.modules() if type(module) is nn.BatchNorm2d]
    for norm in norms:
        norm.__class__ = _Frozen
    try:
        yield
    finally:
        for norm in norms:
            norm.__class__ = nn.BatchNorm2d


class _Frozen(nn.BatchNorm2d):
    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode."""
        return super().train(False)
