"""What every training on images needs: the batches of an epoch."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch.utils.data import DataLoader, Dataset

from litepose.training.batches import epoch_batches


class ImageTask:
    """Training on images of a data set at one resolution.

    Args:
        dataset: training images.
        resolution: side of the square training input, px.
        batch_size: images per step, over all processes; an epoch's last incomplete batch is dropped.
        device: where images and targets go.
        workers: processes that prepare batches.
    """

    collate: ClassVar[Callable[[list], Any]]
    image_resolution: int | None = None
    compilable = True

    def __init__(
        self, dataset: Dataset, resolution: int, batch_size: int, device: torch.device, workers: int
    ) -> None:
        self.dataset, self.resolution, self.batch_size = dataset, resolution, batch_size
        self.device, self.workers = device, workers
        self._loader: DataLoader | None = None

    def resolutions(self, epoch: int) -> int | Sequence[int]:
        """Resolution of all steps of an epoch, or of each."""
        return self.resolution

    def batches(self, epoch: int) -> DataLoader:
        """Batches of one epoch, shuffled and augmented by the data set's seed and the epoch."""
        resolutions = self.resolutions(epoch)
        if self._loader is None:
            self._loader = epoch_batches(
                self.dataset,
                self.collate,
                self.batch_size,
                epoch,
                resolutions,
                device=self.device,
                workers=self.workers,
                image_resolution=self.image_resolution,
            )
        sampler = self._loader.batch_sampler
        sampler.epoch, sampler.resolutions = epoch, resolutions
        return self._loader
