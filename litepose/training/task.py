"""What every training on images needs: the batches of an epoch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from litepose.datasets.sampling import ResolutionSampler, SampledDataset
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

    image_resolution: int | None = None
    compilable = True

    def __init__(
        self, dataset: SampledDataset, resolution: int, batch_size: int, device: torch.device, workers: int
    ) -> None:
        self.dataset, self.resolution, self.batch_size = dataset, resolution, batch_size
        self.device, self.workers = device, workers
        self._loader: DataLoader | None = None

    @staticmethod
    def collate(items: list) -> Any:
        """Examples of the data set as a batch."""
        raise NotImplementedError

    def loss(self, model: nn.Module, batch: Any, epoch: int, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise, and its named parts for the curves."""
        raise NotImplementedError

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
        assert isinstance(sampler, ResolutionSampler), "epoch_batches samples so"
        sampler.epoch, sampler.resolutions = epoch, resolutions
        return self._loader
