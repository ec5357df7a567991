"""Sub-networks of a trained supernet by their AP on the same images, decoded and resized once for all."""

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from litepose.core.layout import channels_last
from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import Annotations
from litepose.evaluation.bootstrap import Matches, matches
from litepose.inference import Prepared, predict, prepare
from litepose.models.litepose import LitePose
from litepose.models.space import Configuration
from litepose.models.supernet import Supernet
from litepose.nas.calibration import recalibrate
from litepose.training.pose import PoseTask


class SharedImages:
    """Training images for batch-norm statistics, and annotated images to find people in.

    Args:
        annotations: the images that AP is measured on.
        calibration: gives the training images, on the CPU.
        max_side: bound of an input's long side, px.
    """

    def __init__(self, annotations: Annotations, calibration: PoseTask, max_side: int) -> None:
        self.annotations, self._calibration, self._max_side = annotations, calibration, max_side
        self._made: dict[tuple[str, int], Any] = {}
        self._lock = threading.Lock()

    def views(self, resolution: int) -> list[Tensor]:
        """Normalised training images [B,3,resolution,resolution] in parts, on the CPU."""
        return self._once("views", resolution, self._calibration.views)

    def prepared(self, resolution: int) -> Prepared:
        """The annotated images, as inputs of networks of a resolution."""
        return self._once(
            "prepared", resolution, lambda size: prepare(self.annotations, size, self._max_side)
        )

    def _once(self, what: str, resolution: int, make: Callable[[int], Any]) -> Any:
        with self._lock:
            if (what, resolution) not in self._made:
                self._made[what, resolution] = make(resolution)
            return self._made[what, resolution]


class Evaluator:
    """Evaluates a supernet's configurations on one device.

    Args:
        supernet: trained; a copy of it goes to the device.
        images: shared with the evaluators of other devices.
        skeleton: of the supernet's joints.
        device: where networks run.
        flip: whether the flip test is part of it.
    """

    def __init__(
        self, supernet: Supernet, images: SharedImages, skeleton: Skeleton, device: torch.device, flip: bool
    ) -> None:
        self.images, self.skeleton, self.device, self.flip = images, skeleton, device, flip
        self.supernet = channels_last(supernet.to(device))

    def __call__(self, configuration: Configuration) -> float:
        """AP in percent with the shared weights and batch-norm statistics of the configuration's own."""
        return _percent(self.matches(configuration))

    def matches(self, configuration: Configuration) -> Matches:
        """What :meth:`__call__` finds, for intervals."""
        network = self.network(configuration)
        self.calibrate(network, configuration.resolution)
        return self._matches(network, configuration.resolution)

    def network(self, configuration: Configuration) -> LitePose:
        """A plain network with copies of the shared weights and statistics."""
        return self.supernet.extract(configuration.architecture)

    def calibrate(self, network: nn.Module, resolution: int) -> None:
        """Estimate a network's batch-norm statistics on the training images, in place."""
        recalibrate(network, (part.to(self.device) for part in self.images.views(resolution)))

    def average_precision(self, network: nn.Module, resolution: int) -> float:
        """AP in percent on the annotated images, at their own scale only."""
        return _percent(self._matches(network, resolution))

    def _matches(self, network: nn.Module, resolution: int) -> Matches:
        found = predict(
            network, self.images.prepared(resolution), self.skeleton, flip=self.flip, device=self.device
        )
        images = self.images.annotations
        return matches(images.file, found, self.skeleton, [image.id for image in images])


def _percent(found: Matches) -> float:
    return round(100 * found.average_precision(), 2)
