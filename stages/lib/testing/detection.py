"""People that a network finds in annotated images, with the run's settings."""

import sys
from dataclasses import replace

from torch import nn

from litepose.core import distributed
from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import Annotations
from litepose.inference import predict
from stages.lib.common.parameters import Values
from stages.lib.common.running import device


def detect(
    network: nn.Module, images: Annotations, skeleton: Skeleton, resolution: int, values: Values
) -> list[dict]:
    """Detections in COCO's result format, in the images' order; processes share the images."""
    settings = values["evaluation"]
    share = replace(images, images=images.images[distributed.rank() :: distributed.processes()])
    detections = predict(
        network,
        share,
        skeleton,
        resolution,
        flip=settings["flip"],
        scales=settings["scales"],
        max_side=settings["max_side"],
        device=device(values["device"]),
        progress=sys.stderr.isatty() and distributed.rank() == 0,
    )
    order = {image.id: position for position, image in enumerate(images)}
    everybodys = [detection for part in distributed.gathered(detections) for detection in part]
    return sorted(everybodys, key=lambda detection: order[detection["image_id"]])
