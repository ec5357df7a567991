"""What one image costs in each kind of work that stages do, measured on drawn pictures."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from litepose import complexity
from litepose.core.skeletons import SKELETONS
from litepose.datasets.classification import ClassificationDataset, collate
from litepose.latency.networks import with_batch_statistics
from litepose.models.space import Configuration
from litepose.models.supernet import Supernet
from litepose.training.batches import ordered_batches
from litepose.training.classification import ClassificationTask, correct
from litepose.training.pose import DistillationTask, PoseTask
from litepose.training.task import ImageTask
from stages.lib.common.parameters import Values
from stages.lib.training.tasks import calibration, pose_arguments
from stages.lib.training.training import CLASSIFICATION, Training, recipe
from tools.planning import trainings
from tools.planning.images import Objects, People, Pictures, draw_objects, draw_people, repeated
from tools.planning.timing import TRAINING_PASSES, Cost, Limits, Meter, described

SAMPLE = 256  # configurations that stand for those of all steps of a supernet's training
STAND_FOR_ALL = 4  # that are measured


class Costs:
    """Costs of one image of a run.

    Args:
        values: parameters of the run.
        classes: of the classification images.
        device: where networks run.
        directory: for drawn pictures.
        limits: of a measurement.
    """

    def __init__(
        self, values: Values, classes: int, device: torch.device, directory: Path, limits: Limits
    ) -> None:
        self.values, self.classes, self.device, self.limits = values, classes, device, limits
        self.meter = Meter(device, recipe(values).options, values["workers"], limits)
        self.directory = directory

    def people(self, name: str) -> People:
        """Drawn pictures of a keypoint data set."""

        def draw() -> People:
            return draw_people(name, self.values, self.directory / name, self.limits.pictures)

        return self.meter.once(("people", name), draw)

    @functools.cached_property
    def objects(self) -> Objects:
        """Drawn pictures of the classification data set."""
        return draw_objects(self.values, self.directory / CLASSIFICATION, self.limits.pictures)

    def pictures(self, name: str) -> Pictures:
        """The drawn pictures of a data set."""
        return self.objects if name == CLASSIFICATION else self.people(name)

    def network(self, training: Training) -> nn.Module:
        """What a training starts from, with fresh weights."""
        outputs = self.classes
        if training.data != CLASSIFICATION:
            outputs = SKELETONS[training.data].num_joints
        return trainings.fresh(training.network).build(outputs, self.values["seed"])

    def step(
        self, network: nn.Module, training: Training, batch_size: int, teacher: Training | None = None
    ) -> Cost:
        """Training with batches of that size in this process.

        Args:
            teacher: training of the network that is imitated.
        """
        if isinstance(network, Supernet):
            return self._supernet_step(network, training, batch_size)
        guide = self.network(teacher) if teacher else None
        macs = float(self.meter.macs(network, training.resolution))
        key = ["step", described(network), training.data, training.resolution, batch_size, training.tags]
        if guide and teacher:
            # A teacher looks at the image once and learns nothing.
            macs += self.meter.macs(guide, teacher.resolution) / TRAINING_PASSES
            key += [described(guide), teacher.resolution]

        def measure() -> Cost:
            task = self._task(training, batch_size, guide, teacher)
            return self.meter.training(network, task, batch_size, macs)

        return self.meter.once(tuple(key), measure)

    def _supernet_step(self, network: Supernet, training: Training, batch_size: int) -> Cost:
        """The mean over the configurations of an epoch, from some that stand for all."""
        every = trainings.drawn(training, self.values, SAMPLE)
        macs = [self._macs(one, network.num_joints) for one in every]

        def measure(one: Configuration) -> Cost:
            network.configure(one.architecture)
            task = self._task(dataclasses.replace(training, resolution=one.resolution), batch_size)
            return self.meter.training(network, task, batch_size, self._macs(one, network.num_joints))

        return self.mean(every, macs, measure)

    def mean(
        self, items: Sequence[Configuration], macs: Sequence[float], measure: Callable[[Configuration], Cost]
    ) -> Cost:
        """The mean cost of configurations, of which some are measured; of their memory the largest."""
        chosen = trainings.spread(items, macs, STAND_FOR_ALL)
        measured = [measure(items[number]) for number in chosen]
        scale = sum(macs) / len(macs) / (sum(macs[number] for number in chosen) / len(chosen))
        count = len(measured)
        return Cost(
            seconds=scale * sum(cost.seconds for cost in measured) / count,
            macs=scale * sum(cost.macs for cost in measured) / count,
            memory=max(cost.memory for cost in measured),
            images=min(cost.images for cost in measured),
        )

    def macs(self, items: Sequence[Configuration]) -> list[float]:
        """True multiply-accumulates of an image of CrowdPose in each configuration."""
        return [self._macs(one, SKELETONS["crowdpose"].num_joints) for one in items]

    def _macs(self, one: Configuration, num_joints: int) -> float:
        depth = self.values["recipe"]["depth"]
        return complexity.litepose_cost(one.architecture, one.resolution, num_joints, depth=depth)["macs"]

    def _task(
        self,
        training: Training,
        batch_size: int,
        guide: nn.Module | None = None,
        teacher: Training | None = None,
    ) -> ImageTask:
        """The training's task, on drawn pictures, by and by the same again."""
        count = self.limits.steps * batch_size
        if training.data == CLASSIFICATION:
            images = ClassificationDataset(self.objects.root, "train", self.values["seed"])
            images.samples = repeated(images.samples, count)
            return ClassificationTask(images, training.resolution, batch_size, self.device, 0)
        data, values = self.people(training.data).data, {**self.values, "workers": 0}
        arguments = pose_arguments(data, values, batch_size, values["seed"], self.device, training.tags)
        arguments["dataset"].records = repeated(arguments["dataset"].records, count)
        arguments["resolution"] = training.resolution
        if guide is None or teacher is None or training.teacher is None:
            return PoseTask(**arguments)
        return DistillationTask(
            teacher=guide.to(self.device).eval(),
            teacher_resolution=teacher.resolution,
            weight=training.teacher.weight,
            **arguments,
        )

    def test(self, network: nn.Module, data: str, resolution: int) -> Cost:
        """A test with the settings of ``evaluation``."""
        people, settings = self.people(data), self.values["evaluation"]
        options = {name: settings[name] for name in ("flip", "scales", "max_side")}

        def measure() -> Cost:
            ready = with_batch_statistics(network.cpu())
            some, skeleton = people.some(self.limits.images), people.data.skeleton
            return self.meter.test(ready, some, skeleton, resolution, **options)

        return self.meter.once(("test", described(network), data, resolution), measure)

    def shared_test(self, network: nn.Module, resolution: int) -> Cost:
        """A test of a sub-network on images that are in memory, with the settings of ``search``."""
        people, settings = self.people("crowdpose"), self.values["search"]

        def measure() -> Cost:
            ready = with_batch_statistics(network.cpu())
            options = {name: settings[name] for name in ("flip", "max_side")}
            some, skeleton = people.some(self.limits.images), people.data.skeleton
            return self.meter.prepared_test(ready, some, skeleton, resolution, **options)

        return self.meter.once(("shared test", described(network), resolution), measure)

    def preparation(self, resolution: int) -> float:
        """Seconds to have an image in memory for such tests."""
        images, max_side = (
            self.people("crowdpose").some(self.limits.images),
            self.values["search"]["max_side"],
        )
        return self.meter.once(
            ("preparation", resolution), lambda: self.meter.preparation(images, resolution, max_side)
        )

    def view(self, resolution: int) -> float:
        """Seconds to have a training view in memory for calibration."""
        data = self.people("crowdpose").data

        def run(count: int) -> None:
            calibration(data, self.values, count, resolution).views(resolution)

        return self.meter.once(("view", resolution), lambda: self.meter.each(run, self.limits.pictures)[0])

    def calibration(self, network: nn.Module, resolution: int) -> Cost:
        """Estimating batch-norm statistics on views that are in memory."""

        def measure() -> Cost:
            view = calibration(self.people("crowdpose").data, self.values, 1, resolution).views(resolution)
            seconds = self.meter.calibration(network, view[0])
            return Cost(seconds, self.meter.macs(network, resolution))

        return self.meter.once(("calibration", described(network), resolution), measure)

    def classification(self, network: nn.Module, resolution: int, batch_size: int) -> Cost:
        """A test of a classifier."""
        network = network.to(self.device)

        def run(count: int) -> None:
            images = ClassificationDataset(self.objects.root, "train", training=False)
            images.samples = repeated(images.samples, count)
            correct(network, ordered_batches(images, collate, batch_size, resolution, 0), self.device)

        seconds = self.meter.each(run, max(batch_size, self.limits.images))[0]
        return Cost(seconds, self.meter.macs(network, resolution))


def state_bytes(network: nn.Module) -> int:
    """Bytes of a network's file."""
    return sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())


def parameters(network: nn.Module) -> int:
    """Numbers that a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())
