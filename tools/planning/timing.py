"""Times a training step, a test, a calibration of a network on a few images; the same thing once only."""

import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn

from litepose import complexity
from litepose.core.cores import cores
from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import Annotations
from litepose.evaluation import evaluate
from litepose.inference import predict, prepare
from litepose.models import weights
from litepose.nas.calibration import recalibrate
from litepose.training.batches import epoch_batches
from litepose.training.depthwise import fast_gradient
from litepose.training.loop import train_one_epoch
from litepose.training.pose import CALIBRATION_PART
from litepose.training.step import StepOptions
from litepose.training.task import ImageTask
from tools.planning.people import FindsPeople

T = TypeVar("T")
ADAM_BYTES = 16  # per parameter: float32 weight, gradient and two moments
TRAINING_PASSES = 3  # a step costs a forward pass, and two of its MACs backward
TRIES = 3  # of a measurement
COLD = 5  # times as long as a later one a first training step may well take
LEAST_SIDE = 64  # px; below, one image is too little for the batch norms of the coarsest maps


@dataclass(frozen=True)
class Limits:
    """How large a measurement may be.

    Attributes:
        seconds: that one try of a measurement should take.
        longest: seconds of the largest training step that is measured; of a larger one a part is.
        steps: most training steps of a measurement.
        images: most images of a test.
        pictures: drawn of each data set.
    """

    seconds: float = 0.4
    longest: float = 2.0
    steps: int = 8
    images: int = 36
    pictures: int = 12


@dataclass(frozen=True)
class Cost:
    """What passing one image costs.

    Attributes:
        seconds: on this device.
        macs: true multiply-accumulates.
        memory: bytes that a training step keeps for the backward pass.
        size: bytes of what is written about it.
        images: that the measurement had at a time.
    """

    seconds: float
    macs: float
    memory: float = 0.0
    size: float = 0.0
    images: int = 1


class Meter:
    """Measures on one device.

    Args:
        device: where networks run.
        options: how training steps are computed.
        workers: processes that prepare batches in the whole run.
        limits: of a measurement.
    """

    def __init__(self, device: torch.device, options: StepOptions, workers: int, limits: Limits) -> None:
        # Parts of a batch and a compiled network would take longer to measure than they change.
        self.options = dataclasses.replace(options, accumulate_grad=1, compile=False)
        self.device, self.workers, self.limits = device, min(workers, cores()), limits
        self._known: dict[Hashable, Any] = {}
        _first_step(device)

    def once(self, key: Hashable, measure: Callable[[], T]) -> T:
        """What a measurement gives; that of an equal key is taken again."""
        if key not in self._known:
            self._known[key] = measure()
        return cast(T, self._known[key])

    def macs(self, network: nn.Module, side: int) -> int:
        """Multiply-accumulates of an image."""
        return self.once(("macs", described(network), side), lambda: complexity.count(network, side)["macs"])

    def seconds(self, run: Callable[[], object]) -> float:
        """Seconds that a call takes, its work on a GPU included."""
        self._settle()
        started = time.perf_counter()
        run()
        self._settle()
        return time.perf_counter() - started

    def training(self, network: nn.Module, task: ImageTask, batch_size: int, macs: float) -> Cost:
        """What an image costs in a training step.

        Args:
            task: with a data set that is large enough for `Limits.steps` batches.
            batch_size: images of a step in this process.
            macs: of a forward pass of one image.
        """
        step = _Step(network.to(self.device), task, self.options)
        images = fewest = 1 if task.resolution >= LEAST_SIDE else min(2, batch_size)
        with fast_gradient(network):
            with _kept_for_backward(network) as kept:
                alone = self._steps(step, images, 1)
            memory = sum(kept.values()) / images
            # The first step prepares what later ones find. Where it is short, others tell how long a whole
            # batch may take.
            if alone.step * images < COLD * self.limits.longest:
                alone = self._least(step, images, 1)
                images = max(images, min(batch_size, int(self.limits.longest / alone.step)))
                count = max(1, min(self.limits.steps, int(self.limits.seconds / (images * alone.step))))
                if images * count > fewest:
                    alone = self._least(step, images, count)
        seconds = alone.step + alone.reading
        if self.workers:
            seconds = max(alone.step, alone.reading / self.workers)
        return Cost(seconds, TRAINING_PASSES * macs, memory=memory, images=images)

    def _steps(self, step: "_Step", images: int, count: int) -> "_Times":
        """Seconds per image of so many steps, and of reading their batches."""
        batches: list[Any] = []
        reading = self.seconds(lambda: batches.extend(_batches(step.task, images, count)))
        training = self.seconds(lambda: step.train(batches))
        return _Times(training / (images * count), reading / (images * count))

    def _least(self, step: "_Step", images: int, count: int) -> "_Times":
        """The least seconds of several tries."""
        started = time.perf_counter()
        tries = [self._steps(step, images, count)]
        while len(tries) < TRIES and time.perf_counter() - started < self.limits.longest:
            tries.append(self._steps(step, images, count))
        return _Times(*map(min, zip(*tries, strict=True)))

    def test(
        self, network: nn.Module, images: Annotations, skeleton: Skeleton, resolution: int, **options: Any
    ) -> Cost:
        """What finding people in an image, and evaluating them, costs.

        Args:
            images: as many as `Limits.images`.
            options: of :func:`litepose.inference.predict`: flip, scales, max_side.
        """
        sees = FindsPeople(network.to(self.device), skeleton)
        found: list[dict] = []

        def run(count: int) -> None:
            some = first(images, count)
            found[:] = predict(sees, some, skeleton, resolution, device=self.device, **options)

        seconds, count = self.each(run, len(images))
        passes = (1 + options["flip"]) * sum(scale**2 for scale in options.get("scales", (1.0,)))
        seconds += self._evaluation(images, found, skeleton)
        return Cost(
            seconds,
            passes * self.macs(network, resolution),
            size=len(json.dumps(found)) / count,
            images=count,
        )

    def prepared_test(
        self, network: nn.Module, images: Annotations, skeleton: Skeleton, resolution: int, **options: Any
    ) -> Cost:
        """What :meth:`test` gives for images that are in memory, as candidates of a search find them."""
        sees = FindsPeople(network.to(self.device), skeleton)
        inputs = prepare(images, resolution, options["max_side"])
        found: list[dict] = []

        def run(count: int) -> None:
            some = dataclasses.replace(inputs, views=inputs.views[:count])
            found[:] = predict(sees, some, skeleton, flip=options["flip"], device=self.device)

        seconds, count = self.each(run, len(images))
        seconds += self._evaluation(images, found, skeleton)
        return Cost(seconds, (1 + options["flip"]) * self.macs(network, resolution), images=count)

    def preparation(self, images: Annotations, resolution: int, max_side: int) -> float:
        """Seconds to read an image and keep it as a network's input."""
        return self.each(lambda count: prepare(first(images, count), resolution, max_side), len(images))[0]

    def calibration(self, network: nn.Module, view: Tensor) -> float:
        """Seconds to estimate batch-norm statistics, per image.

        Args:
            view: normalised images [1,3,R,R].
        """
        network.to(self.device)

        def run(count: int) -> None:
            recalibrate(network, [view.repeat(count, 1, 1, 1).to(self.device)])

        return self.each(run, CALIBRATION_PART)[0]

    def each(self, run: Callable[[int], object], most: int) -> tuple[float, int]:
        """Seconds per image of what runs on so many images, and how many the measurement had."""
        alone = self.least(lambda: run(1))
        count = max(1, min(most, int(self.limits.seconds / alone)))
        return (self.least(lambda: run(count)) / count if count > 1 else alone), count

    def least(self, run: Callable[[], object]) -> float:
        """The least seconds of several calls: what else the machine does makes one longer, never shorter."""
        started = time.perf_counter()
        tries = [self.seconds(run)]
        while len(tries) < TRIES and time.perf_counter() - started < self.limits.longest:
            tries.append(self.seconds(run))
        return min(tries)

    def _evaluation(self, images: Annotations, found: list[dict], skeleton: Skeleton) -> float:
        """Seconds per image of the evaluator, which reads the whole file."""

        def measure() -> float:
            every = {image.id for image in images}
            return self.least(lambda: evaluate(images.file, found, skeleton)) / len(every)

        return self.once(("evaluation", images.file), measure)

    def _settle(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class _Times(NamedTuple):
    """Seconds per image of a training step, and of reading its batch."""

    step: float
    reading: float


class _Step:
    """Training steps of one network, whose optimizer stays."""

    def __init__(self, network: nn.Module, task: ImageTask, options: StepOptions) -> None:
        self.network, self.task, self.options = network, task, options
        self.optimizer = torch.optim.Adam(network.parameters(), lr=0.0, fused=True)
        self.scheduler = torch.optim.lr_scheduler.ConstantLR(self.optimizer)
        self.scaler = options.scaler(task.device)

    def train(self, batches: list[Any]) -> None:
        """Steps on batches that are in memory."""
        few = _Few(self.task, batches)
        train_one_epoch(
            self.network, few, self.optimizer, self.scheduler, 0, "plan", self.options, self.scaler
        )


class _Few:
    """A task whose epoch has the given batches only."""

    compilable = False

    def __init__(self, task: ImageTask, batches: list[Any]) -> None:
        self._task, self._batches = task, batches

    def batches(self, epoch: int) -> list[Any]:
        return self._batches

    def loss(self, model: nn.Module, batch: Any, epoch: int, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        return self._task.loss(model, batch, epoch, step)


def described(network: nn.Module) -> str:
    """What a network is, whatever its weights."""
    return json.dumps(weights.describe(network), sort_keys=True)


def first(images: Annotations, count: int) -> Annotations:
    """The first images of a split."""
    return dataclasses.replace(images, images=images.images[:count])


def _batches(task: ImageTask, size: int, count: int) -> Iterator[Any]:
    """The first batches of a task, of another size."""
    every = epoch_batches(
        task.dataset,
        task.collate,
        size,
        0,
        task.resolution,
        device=task.device,
        workers=0,
        image_resolution=task.image_resolution,
    )
    return itertools.islice(every, count)


@contextmanager
def _kept_for_backward(network: nn.Module) -> Iterator[dict[int, int]]:
    """Bytes by address of the tensors beside the weights that autograd keeps for the backward pass."""
    kept: dict[int, int] = {}
    own = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        yield kept


def _first_step(device: torch.device) -> None:
    """One step of Adam: the first loads packages for seconds."""
    weight = nn.Parameter(torch.ones(1, device=device))
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    optimizer.step()
