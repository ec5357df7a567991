"""Evaluators of a supernet's configurations, from the run's data and parameters."""

from collections.abc import Sequence
from typing import Any

import torch

from litepose.models import weights
from litepose.nas.evaluator import Evaluator, SharedImages
from stages.lib.common.data import KeypointData
from stages.lib.common.parameters import Values
from stages.lib.training.networks import trained_supernet
from stages.lib.training.tasks import calibration
from stages.lib.training.training import trained


def evaluators(
    supernet: str,
    data: KeypointData,
    section: dict[str, Any],
    devices: Sequence[torch.device],
    values: Values,
    split: str = "val",
) -> list[Evaluator]:
    """One per device, on the same images.

    Args:
        supernet: its run.
        section: numbers of ``images`` and ``calibration_images``.
        devices: that configurations are evaluated on at the same time; a device may come twice.
        split: whose first images these are.
    """
    file = trained("supernet", supernet, values["seed"])
    annotations, largest = data.load(split, section["images"]), weights.load(file).input_size
    settings = values["search"]
    views = calibration(data, values, section["calibration_images"], largest)
    images = SharedImages(annotations, views, settings["max_side"])
    return [
        Evaluator(trained_supernet(file), images, data.skeleton, device, settings["flip"])
        for device in devices
    ]
