"""Sub-networks of a trained supernet, judged on the same images, decoded and resized once for all of them."""

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from litepose.inference import Prepared, predict, prepare
from litepose.models.litepose import LitePose
from litepose.models.space import Configuration
from litepose.models.supernet import Supernet
from litepose.nas.calibration import recalibrate
from litepose.training.pose import PoseTask
from stages.common import params
from stages.pose_run import KeypointData, depth, judge, load_weights, percent, task_arguments


class SharedImages:
    """Training images for batch-norm statistics, and the first images of the val split to judge on."""

    def __init__(self, data: KeypointData, images: int, calibration_images: int, largest: int) -> None:
        self.data, self.annotations = data, data.load("val", images)
        arguments = task_arguments(data, calibration_images) | {"device": torch.device("cpu")}
        self._task = PoseTask(resolution=largest, **arguments)
        self._made: dict[tuple[str, int], Any] = {}
        self._lock = threading.Lock()

    def views(self, resolution: int) -> list[Tensor]:
        """Normalised training images [B,3,resolution,resolution] in parts, on the CPU."""
        return self._once("views", resolution, self._task.views)

    def prepared(self, resolution: int) -> Prepared:
        """The images to judge on, as inputs of networks of a resolution."""
        max_side = params()["evaluation"]["max_side"]
        return self._once("prepared", resolution, lambda size: prepare(self.annotations, size, max_side))

    def _once(self, what: str, resolution: int, make: Callable[[int], Any]) -> Any:
        with self._lock:
            if (what, resolution) not in self._made:
                self._made[what, resolution] = make(resolution)
            return self._made[what, resolution]


class Evaluator:
    """Judges a supernet's configurations on one device."""

    def __init__(self, supernet: str, images: SharedImages, device: torch.device) -> None:
        self.images, self.device = images, device
        self.skeleton = images.data.skeleton
        self.supernet = Supernet(self.skeleton.num_joints, depth=depth())
        self.supernet.load_state_dict(load_weights("supernet", supernet))
        self.supernet.to(device, memory_format=torch.channels_last)

    def __call__(self, configuration: Configuration) -> float:
        """AP in percent with the shared weights and batch-norm statistics of the configuration's own."""
        network = self.network(configuration)
        self.calibrate(network, configuration.resolution)
        return self.average_precision(network, configuration.resolution)

    def network(self, configuration: Configuration) -> LitePose:
        """A plain network with copies of the shared weights and statistics."""
        return self.supernet.extract(configuration.architecture)

    def calibrate(self, network: nn.Module, resolution: int) -> None:
        """Estimate a network's batch-norm statistics on the training images, in place."""
        recalibrate(network, (part.to(self.device) for part in self.images.views(resolution)))

    def average_precision(self, network: nn.Module, resolution: int) -> float:
        """AP in percent on the images to judge on, at their own scale only."""
        detections = predict(
            network,
            self.images.prepared(resolution),
            self.skeleton,
            flip=params()["evaluation"]["flip"],
            device=self.device,
        )
        images = self.images.annotations
        return percent(judge(images.file, detections, self.skeleton, [image.id for image in images]))["AP"]
