"""What pose networks learn: people's heatmaps and tags, and by distillation a teacher's heatmaps."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from litepose.datasets.keypoints import Batch, KeypointDataset, collate, normalise
from litepose.training.batches import epoch_batches
from litepose.training.losses import PoseLoss, distillation_loss
from litepose.training.task import ImageTask

CALIBRATION_PART = 32  # images that pass a network together
Loss = tuple[Tensor, dict[str, Tensor]]


class PoseTask(ImageTask):
    """Training on annotated people, a :class:`litepose.datasets.keypoints.KeypointDataset`.

    Args:
        criterion: loss of the network's outputs.
        rest: arguments of :class:`litepose.training.task.ImageTask`.
    """

    dataset: KeypointDataset
    collate = staticmethod(collate)

    def __init__(self, criterion: PoseLoss, **rest: Any) -> None:
        super().__init__(**rest)
        self.criterion = criterion

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
