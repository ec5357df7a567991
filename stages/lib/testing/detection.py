"""People that a network finds in annotated images, with the run's settings."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from litepose.core import distributed
from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import Annotations
from litepose.inference.prediction import Change, predict_changed, unchanged
from stages.lib.common.parameters import Values
from stages.lib.common.running import device


def detect(
    network: nn.Module, images: Annotations, skeleton: Skeleton, resolution: int, values: Values
) -> list[dict]:
    """Detections in COCO's result format, in the images' order; processes share the images."""
    return detect_changed(network, images, skeleton, resolution, values, [unchanged])[0]


def detect_changed(
    network: nn.Module,
    images: Annotations,
    skeleton: Skeleton,
    resolution: int,
    values: Values,
    changes: Sequence[Change],
) -> list[list[dict]]:
    """What :func:`detect` finds after each of several changes of what the network predicts."""
    settings = values["evaluation"]
    share = replace(images, images=images.images[distributed.rank() :: distributed.processes()])
    found = predict_changed(
        network,
        share,
        skeleton,
        resolution,
        changes,
        flip=settings["flip"],
        scales=settings["scales"],
        max_side=settings["max_side"],
        device=device(values["device"]),
        progress=sys.stderr.isatty() and distributed.rank() == 0,
    )
    order = {image.id: position for position, image in enumerate(images)}
    gathered = zip(*distributed.gathered(found), strict=True)  # per change, the processes' parts
    return [
        sorted((one for part in parts for one in part), key=lambda detection: order[detection["image_id"]])
        for parts in gathered
    ]
