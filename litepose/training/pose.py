"""What pose networks learn: people's heatmaps and tags, and by distillation a teacher's heatmaps."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from litepose.datasets.keypoints import Batch, KeypointDataset, collate, normalise
from litepose.training.batches import epoch_batches
from litepose.training.losses import PoseLoss, distillation_loss

CALIBRATION_PART = 32  # images that pass a network together
Loss = tuple[Tensor, dict[str, Tensor]]


class PoseTask:
    """Training on annotated people at one resolution.

    Args:
        dataset: training images.
        criterion: loss of the network's outputs.
        resolution: side of the square training input, px.
        batch_size: images per step; the last incomplete batch of an epoch is dropped.
        device: where images and targets go.
        workers: processes that prepare batches.
    """

    image_resolution: int | None = None

    def __init__(
        self,
        dataset: KeypointDataset,
        criterion: PoseLoss,
        resolution: int,
        batch_size: int,
        device: torch.device,
        workers: int,
    ) -> None:
        self.dataset, self.criterion = dataset, criterion
        self.resolution, self.batch_size = resolution, batch_size
        self.device, self.workers = device, workers

    def resolutions(self, epoch: int) -> int | Sequence[int]:
        """Resolution of all steps of an epoch, or of each."""
        return self.resolution

    def batches(self, epoch: int) -> DataLoader:
        """Batches of one epoch, shuffled and augmented by the data set's seed and the epoch."""
        return epoch_batches(
            self.dataset,
            collate,
            self.batch_size,
            epoch,
            self.resolutions(epoch),
            device=self.device,
            workers=self.workers,
            image_resolution=self.image_resolution,
        )

    def on_device(self, batch: Batch) -> Batch:
        """A batch with its tensors on the device and its images normalised."""
        images, heatmaps, masks, joints, ids = batch

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(self.device, non_blocking=True)

        return Batch(
            normalise(moved(images)), (*map(moved, heatmaps),), (*map(moved, masks),), moved(joints), ids
        )

    def views(self, resolution: int) -> list[Tensor]:
        """Normalised training images of one batch, in parts: what batch-norm statistics are estimated on."""
        batches = epoch_batches(
            self.dataset, collate, self.batch_size, 0, resolution, device=self.device, workers=0
        )
        return list(self.on_device(next(iter(batches))).images.split(CALIBRATION_PART))

    def loss(self, model: nn.Module, batch: Batch, epoch: int, step: int) -> Loss:
        """Heatmap and tag losses of one batch."""
        batch = self.on_device(batch)
        return self.criterion(model(batch.images), batch)


class DistillationTask(PoseTask):
    """Training that also imitates the heatmaps of a teacher that reads the same view, larger (Table 3).

    Args:
        teacher: trained network on the device, in eval mode.
        teacher_resolution: side of the teacher's input, px.
        weight: of the distillation loss beside the annotations' losses.
        rest: arguments of :class:`PoseTask`.
    """

    def __init__(self, teacher: nn.Module, teacher_resolution: int, weight: float, **rest: Any) -> None:
        super().__init__(**rest)
        self.teacher, self.weight = teacher, weight
        # The view is warped at the teacher's resolution; the student's is reduced from it.
        self.image_resolution = teacher_resolution

    def loss(self, model: nn.Module, batch: Batch, epoch: int, step: int) -> Loss:
        """The annotations' losses plus the weighted distance to the teacher's heatmaps."""
        batch = self.on_device(batch)
        images = batch.images
        with torch.no_grad():
            taught = self.teacher(images)
        size = (self.resolution, self.resolution)
        view = images if images.shape[-2:] == size else F.interpolate(images, size, mode="area")
        outputs = model(view)
        loss, parts = self.criterion(outputs, batch)
        distance = distillation_loss(outputs, taught, batch.heatmaps[0].shape[1])
        return loss + self.weight * distance, {**parts, "distillation": distance}
