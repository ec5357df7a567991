"""What a program must know of an exported network, as plain values that go with its file."""

from typing import Any

from litepose.datasets.keypoints import IMAGENET_MEAN, IMAGENET_STD
from litepose.models import weights
from litepose.models.weights import Trained

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
