"""What a program must know of an exported network, as plain values that go with its file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton, from_fields
from litepose.datasets.keypoints import IMAGENET_MEAN, IMAGENET_STD
from litepose.models import weights
from litepose.models.weights import Trained

READ = ("skeleton", "joints", "flip", "limbs", "sigmas", "input_size")  # by `described`
OUTPUTS = {
    "coarse": "heatmaps of all joints, then tags of all joints: [batch, 2 joints, height/4, width/4]",
    "fine": "heatmaps of all joints: [batch, joints, height/2, width/2]",
}


def describe(trained: Trained, size: tuple[int, int] | None) -> dict[str, Any]:
    """Joints, input and outputs of an exported network.

    Args:
        trained: the network.
        size: height and width of its input in px; None where it may be any.
    """
    skeleton = trained.skeleton
    return {
        "network": weights.describe(trained.model),
        "skeleton": skeleton.name,
        "joints": list(skeleton.joints),
        "flip": list(skeleton.flip),  # index of each joint's mirror image
        "limbs": [list(limb) for limb in skeleton.limbs],
        "sigmas": list(skeleton.sigmas),
        "input_size": trained.input_size,  # px of the image's short side
        "mean": list(IMAGENET_MEAN),
        "deviation": list(IMAGENET_STD),
        "size": size and list(size),  # height and width of the input in px
        "input": "image: [batch, 3, height, width], float32, RGB, (value / 255 - mean) / deviation",
        "outputs": OUTPUTS,
    }


def described(said: Mapping[str, str], file: Path) -> tuple[Skeleton, int]:
    """Joints and input size of an exported network: :func:`describe` reversed.

    Args:
        said: JSON values by name.
        file: that says it, to name.

    Raises:
        InputError: something is missing or not as it must be.
    """
    try:
        value = {name: json.loads(said[name]) for name in READ}
        name, size = str(value["skeleton"]), int(value["input_size"])
        joints, flip, limbs, sigmas = (tuple(value[part]) for part in ("joints", "flip", "limbs", "sigmas"))
        fields = Skeleton(name, joints, flip, limbs, sigmas).fields()
    except (KeyError, IndexError, TypeError, ValueError):
        raise InputError(
            f"{file} does not say its joints and input size: give a file that litepose export wrote"
        ) from None
    return from_fields(name, fields, str(file)), size
