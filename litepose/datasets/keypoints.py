"""The keypoint data set: random views of annotated images with all training targets."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch

from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets import targets
from litepose.datasets.annotations import Annotations, ImageRecord
from litepose.datasets.augmentation import NO_AUGMENTATION, Augmentation, mirrored
from litepose.datasets.sampling import ResolutionSampler, Sample, SampledDataset, start_worker

__all__ = [
    "NO_AUGMENTATION",
    "Augmentation",
    "Batch",
    "Item",
    "KeypointDataset",
    "ResolutionSampler",
    "Sample",
    "collate",
    "normalise",
    "start_worker",
]

OUTPUT_STRIDES = (4, 2)
TAG_STRIDE = 4  # index positions refer to the first output, the only one with tags
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Item(NamedTuple):
    """One training example in numpy; the fields are a row of ``Batch``, the image is [R, R, 3]."""

    image: np.ndarray
    heatmaps: tuple[np.ndarray, ...]
    masks: tuple[np.ndarray, ...]
    joints: np.ndarray
    image_id: int


class Batch(NamedTuple):
    """A batch of views with the targets of both outputs (stride 4, stride 2); R: the target resolution.

    Attributes:
        images: uint8 RGB [B, 3, image_resolution, image_resolution], channels last; see ``normalise``.
        heatmaps: float32 [B, J, R/4, R/4] and [B, J, R/2, R/2].
        masks: float32 [B, R/4, R/4] and [B, R/2, R/2]; 0 where the heatmap loss does not count.
        joints: int64 [B, max_people, J, 2]: index into the flattened [J, R/4, R/4] tags, 1 where it counts.
        image_ids: B ids of the annotation files.
    """

    images: torch.Tensor
    heatmaps: tuple[torch.Tensor, ...]
    masks: tuple[torch.Tensor, ...]
    joints: torch.Tensor
    image_ids: list[int]


class KeypointDataset(SampledDataset[Item]):
    """Augmented views of the annotated images, indexed by ``Sample``.

    Random numbers come from (seed, epoch, index) alone: the views depend neither on the number of workers nor
    on the order. Images without any annotation are left out, as in the released training code.

    Args:
        annotations: the splits to train on, one after the other.
        skeleton: the joints; gives the mirror pairs.
        augmentation: ranges of the random views.
        seed: of the random numbers.
        max_people: people per image that take part in the tag loss.
        sigma: of the heatmaps' Gaussians, in output pixels.

    Attributes:
        people_beyond_max: annotated people of all images that exceed ``max_people``: they are part of the
            heatmaps, not of the tag loss.

    Raises:
        InputError: no image has a person with a labelled joint.
    """

    def __init__(
        self,
        annotations: Sequence[Annotations],
        skeleton: Skeleton,
        augmentation: Augmentation,
        seed: int,
        max_people: int = 30,
        sigma: float = 2.0,
    ) -> None:
        self.records = [record for split in annotations for record in split if len(record.keypoints)]
        people = np.array([supervised(record).sum() for record in self.records])
        if not people.any():
            files = ", ".join(str(split.file) for split in annotations)
            raise InputError(
                f"{files}: no image has a person with a labelled joint; there is nothing to train on."
            )
        self.skeleton = skeleton
        self.augmentation = augmentation
        self.seed = seed
        self.max_people = max_people
        self.sigma = sigma
        self.people_beyond_max = int(np.maximum(people - max_people, 0).sum())

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, sample: Sample) -> Item:
        """The view of one image that the sample asks for.

        Raises:
            InputError: the image cannot be read, or its size differs from the annotated one.
        """
        record = self.records[sample.index]
        rng = np.random.default_rng([self.seed, sample.epoch, sample.index])
        unit, flip = self.augmentation.draw(record.width, record.height, rng)
        view = unit * sample.image_resolution
        view = mirrored(view, sample.image_resolution) if flip else view
        side = sample.image_resolution
        image = cv2.warpAffine(record.read(), view, (side, side))

        # Outputs are scaled copies of the view: positions just shrink, mirrored or not.
        people = _people(record, view, self.skeleton, flip)
        sizes = [sample.resolution // stride for stride in OUTPUT_STRIDES]
        scaled = [people * np.array([size / side, size / side, 1]) for size in sizes]
        ignored = targets.ignored_region(record.ignore)
        return Item(
            image,
            tuple(
                targets.heatmaps(joints, size, self.sigma) for joints, size in zip(scaled, sizes, strict=True)
            ),
            tuple(targets.loss_mask(ignored, view * (size / side), size) for size in sizes),
            targets.tag_positions(scaled[0], sizes[0], self.max_people),
            record.id,
        )


def collate(items: list[Item]) -> Batch:
    """Items of equal resolution as one batch of tensors."""
    images, maps, masks, joints, image_ids = zip(*items, strict=True)
    return Batch(
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2),
        tuple(torch.from_numpy(np.stack(level)) for level in zip(*maps, strict=True)),
        tuple(torch.from_numpy(np.stack(level)) for level in zip(*masks, strict=True)),
        torch.from_numpy(np.stack(joints)),
        list(image_ids),
    )


def normalise(images: torch.Tensor) -> torch.Tensor:
    """uint8 RGB [B, 3, H, W] as float32 of ImageNet's mean and deviation, channels last, same device."""
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(1, 3, 1, 1) * 255
    scale = 1 / (torch.tensor(IMAGENET_STD, device=images.device).view(1, 3, 1, 1) * 255)
    return images.to(torch.float32, memory_format=torch.channels_last).sub_(mean).mul_(scale)


def supervised(record: ImageRecord) -> np.ndarray:
    """bool [P]: people with at least one joint to learn; crowds are not people."""
    return ~record.iscrowd & (record.keypoints[..., 2] > 0).any(1)


def _people(record: ImageRecord, view: np.ndarray, skeleton: Skeleton, flip: bool) -> np.ndarray:
    """The supervised people's joints in view pixels, [P, J, 3]; left and right swap in a mirrored view."""
    people = record.keypoints[supervised(record)].astype(np.float64)
    people[..., :2] = people[..., :2] @ view[:, :2].T + view[:, 2]
    return people[:, list(skeleton.flip)] if flip else people
