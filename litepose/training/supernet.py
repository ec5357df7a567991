"""One-shot supernet training: every step trains one uniformly drawn configuration (paper, section 4)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from litepose.datasets.keypoints import Batch
from litepose.models.space import Configuration, SearchSpace
from litepose.training.batches import steps_per_epoch
from litepose.training.pose import Loss, PoseTask


class SupernetTask(PoseTask):
    """One uniformly drawn configuration and resolution per step (paper, section 4).

    Args:
        space: where configurations are drawn from, by a generator that depends on the data set's
            seed, the epoch and the step only.
        rest: arguments of :class:`PoseTask`, its resolution being the space's largest.
    """

    # Its widths change in every step: compiled, each would be compiled anew.
    compilable = False

    def __init__(self, space: SearchSpace, **rest: Any) -> None:
        super().__init__(resolution=max(space.resolutions), **rest)
        self.space = space

    def configurations(self, epoch: int) -> list[Configuration]:
        """Configuration of each step of an epoch."""
        steps = steps_per_epoch(self.dataset, self.batch_size)
        generator = torch.Generator().manual_seed(self.dataset.seed * 1_000_003 + epoch)
        return [self.space.sample(generator) for _ in range(steps)]

    def resolutions(self, epoch: int) -> Sequence[int]:
        """Resolution of each step of an epoch."""
        return [configuration.resolution for configuration in self.configurations(epoch)]

    def batches(self, epoch: int) -> DataLoader:
        """Batches of one epoch; draws the epoch's configurations."""
        self.drawn = self.configurations(epoch)
        return super().batches(epoch)

    def loss(self, model: nn.Module, batch: Batch, epoch: int, step: int) -> Loss:
        """Losses of one batch of a supernet in the configuration drawn for the step."""
        supernet: Any = getattr(model, "module", model)  # inside of what exchanges gradients
        supernet.configure(self.drawn[step].architecture)
        return super().loss(model, batch, epoch, step)
