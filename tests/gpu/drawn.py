"""Drawn pictures of people, and a network fitted to them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

import scenes
from litepose import models
from litepose.core.layout import channels_last
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import annotations, manifest
from litepose.datasets.annotations import Annotations
from litepose.datasets.keypoints import NO_AUGMENTATION, Augmentation, KeypointDataset
from litepose.training.losses import PoseLoss
from litepose.training.pose import PoseTask

# The losses' weights of the drawn profiles: networks find people after few steps.
LOSS = {"foreground_weight": 30, "push_weight": 0.25, "pull_weight": 0.25}


def pictures(
    folder: Path, counts: dict[str, int], side: int, workers: int, **settings
) -> dict[str, Annotations]:
    """Draw splits of CrowdPose's kind, unless they lie there already, and read their annotations."""
    if not all((folder / f"json/crowdpose_{split}.json").is_file() for split in counts):
        scenes.write(
            folder, CROWDPOSE, counts, scenes.SceneSettings(side, **settings), seed=0, workers=workers or 1
        )
    splits = manifest.find_splits(folder, "crowdpose", list(counts))
    return {split: annotations.load(*splits[split], CROWDPOSE) for split in counts}


def task(
    images: Annotations,
    side: int,
    batch: int,
    device: torch.device,
    workers: int,
    augmented: bool,
    repeats: int = 1,
) -> PoseTask:
    """Training on drawn pictures, of which an epoch has each so many times."""
    augmentation = Augmentation() if augmented else NO_AUGMENTATION
    return PoseTask(
        PoseLoss(**LOSS),
        dataset=KeypointDataset([images] * repeats, CROWDPOSE, augmentation, seed=0),
        resolution=side,
        batch_size=batch,
        device=device,
        workers=workers,
    )


def network(system: str, depth: float, **overrides: Any) -> nn.Module:
    """A network of the zoo that is the same in every process, on the CPU."""
    torch.manual_seed(0)
    return channels_last(models.create(system, CROWDPOSE.num_joints, depth=depth, **overrides))


def people_by_image(detections: list[dict]) -> Iterator[tuple[int, list[dict]]]:
    """Detections of each image."""
    for image in sorted({person["image_id"] for person in detections}):
        yield image, [person for person in detections if person["image_id"] == image]
