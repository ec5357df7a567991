"""What a classifier learns: cross-entropy on labelled images (Figure 7)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from litepose.datasets.classification import ClassificationDataset, collate
from litepose.datasets.keypoints import normalise
from litepose.training.task import ImageTask


class ClassificationTask(ImageTask):
    """Training on labelled images, a :class:`litepose.datasets.classification.ClassificationDataset`."""

    dataset: ClassificationDataset
    collate = staticmethod(collate)

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, Tensor], epoch: int, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of one batch."""
        images, labels = batch
        scores = model(normalise(images.to(self.device, non_blocking=True)))
        return F.cross_entropy(scores, labels.to(self.device)), {}


@torch.inference_mode()
def correct(model: nn.Module, batches: DataLoader, device: torch.device) -> Tensor:
    """Whether each image's highest score is its class's: bool [N], in the images' order."""
    model.eval()
    return torch.cat(
        [model(normalise(images.to(device))).argmax(1).cpu() == labels for images, labels in batches]
    )
