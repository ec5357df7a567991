"""What a classifier learns: cross-entropy on labelled images (Figure 7)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from litepose.datasets.classification import ClassificationDataset, collate
from litepose.datasets.keypoints import normalise
from litepose.training.batches import epoch_batches


class ClassificationTask:
    """Training on labelled images at one resolution.

    Args:
        dataset: training images.
        resolution: side of the square training input, px.
        batch_size: images per step; the last incomplete batch of an epoch is dropped.
        device: where images and labels go.
        workers: processes that prepare batches.
    """

    def __init__(
        self,
        dataset: ClassificationDataset,
        resolution: int,
        batch_size: int,
        device: torch.device,
        workers: int,
    ) -> None:
        self.dataset, self.resolution, self.batch_size = dataset, resolution, batch_size
        self.device, self.workers = device, workers

    def batches(self, epoch: int) -> DataLoader:
        """Batches of one epoch, shuffled and augmented by the data set's seed and the epoch."""
        return epoch_batches(
            self.dataset,
            collate,
            self.batch_size,
            epoch,
            self.resolution,
            device=self.device,
            workers=self.workers,
        )

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, Tensor], epoch: int, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of one batch."""
        images, labels = batch
        scores = model(normalise(images.to(self.device, non_blocking=True)))
        return F.cross_entropy(scores, labels.to(self.device)), {}


@torch.inference_mode()
def accuracy(model: nn.Module, batches: DataLoader, device: torch.device) -> float:
    """Share of images, in percent, whose highest score is their class's."""
    model.eval()
    hits = [
        (model(normalise(images.to(device))).argmax(1).cpu() == labels).float() for images, labels in batches
    ]
    return 100 * float(torch.cat(hits).mean())
