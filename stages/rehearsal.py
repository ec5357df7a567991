"""The stages at work on a few images and steps, counting and timing what the whole run would do.

The stages' own code runs, in a directory that is thrown away; only what takes long is cut short: drawing,
training steps, calibration, predictions, candidates of a search. So what is planned is what would run.
"""

import dataclasses
import functools
import importlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from litepose import complexity, inference, models
from litepose.complexity import litepose_cost
from litepose.datasets import synthetic
from litepose.datasets.annotations import Annotations
from litepose.datasets.classification import ClassificationDataset
from litepose.nas import calibration
from litepose.nas.space import Configuration
from litepose.training import classification, loop
from litepose.training.batches import epoch_batches, steps_per_epoch
from litepose.training.mechanics import Mechanics
from litepose.training.pose import CALIBRATION_PART, PoseTask
from litepose.training.schedule import Schedule
from stages import candidates, common, latency, pose_run, search
from stages.pose_run import KeypointData

LIMIT = 0.3  # seconds that one measurement should take
LARGEST = 2.0  # seconds of the largest training step that is measured
STEPS = 6  # training steps of one measurement, as far as the limit allows
IMAGES = 12  # drawn per split
ADAM_BYTES = 16  # per parameter: float32 weight, gradient and two moments
MODELS = Path("data/models")
TRAINING_PASSES = 3  # a step costs a forward pass, and two of its MACs backward


@dataclasses.dataclass
class Work:
    """What a stage does.

    Attributes:
        trained: images that pass training steps, each epoch's counted.
        steps: training steps.
        tested: images that networks are tested on, with calibrations and candidates.
        macs: of all that, true multiply-accumulates.
        seconds: on this device.
        memory: bytes of the largest training step: weights, gradients, moments, activations for backward.
        disk: bytes that it writes and keeps.
        checkpoint: bytes of the state that it keeps while it trains.
        share: of its largest batch, images that one measured step had.
    """

    trained: int = 0
    steps: int = 0
    tested: int = 0
    macs: float = 0.0
    seconds: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    checkpoint: float = 0.0
    share: float = 1.0


class Rehearsal:
    """Runs stages with their long parts cut short.

    Args:
        device: where networks run.
        counts: (data set, split) -> images in the whole run.
        workers: processes that prepare batches in the whole run.
        processes: that share a batch in the whole run.
        start: seconds that a Python process takes to load the stages' packages.
        cores: that draw images.
    """

    def __init__(
        self,
        device: torch.device,
        counts: dict[tuple[str, str], int],
        workers: int,
        processes: int,
        start: float,
        cores: int,
    ) -> None:
        self.device, self.counts, self.workers, self.processes = device, counts, workers, processes
        self.start, self.cores = start, cores
        self.work = Work()
        self._scores: dict[tuple[nn.Module], tuple[Work, dict[str, float]]] = {}
        self._judged: dict[tuple[str, int], tuple[Work, float]] = {}
        self._counted: dict[tuple[nn.Module, int], int] = {}
        self._judges = 1
        _first_step(device)

    def run(self, module: str, arguments: list[str]) -> Work:
        """What one stage does: its module's ``main`` runs in the present directory."""
        self.work = Work()
        self._scores.clear()
        self._judged.clear()
        self._counted.clear()
        before = _bytes(MODELS)
        with self._cut_short(), mock.patch.object(sys, "argv", [module, *arguments]):
            started = time.perf_counter()
            importlib.import_module(module).main()
            self.work.seconds += time.perf_counter() - started
        self.work.disk += _bytes(MODELS) - before
        return self.work

    @contextmanager
    def _cut_short(self) -> Iterator[None]:
        replaced = {
            "stages.common.read_params": functools.cache(common.read_params),
            "stages.training_run.fit": self._fit,
            "stages.pose_run.predict": self._predict,
            "stages.pose_run.average_precision": self._average_precision(pose_run.average_precision),
            "stages.candidates.predict": self._predict,
            "stages.candidates.prepare": self._prepare,
            "stages.candidates.recalibrate": self._recalibrate,
            "stages.supernet.recalibrate": self._recalibrate,
            "stages.candidates.Evaluator.__call__": self._judge(candidates.Evaluator.__call__),
            "stages.search.devices": self._one_device(search.devices),
            "stages.kernels_classification.ClassificationDataset": self._many_files(),
            "stages.kernels_classification.correct": self._correct,
            "stages.latency.prepare_all": self._prepare_runtimes(latency.prepare_all),
            "stages.latency.measure": self._measure_runtimes,
            "stages.latency_model.measure": self._measure_configurations,
            "litepose.training.pose.PoseTask.views": self._views(PoseTask.views),
            "stages.pose_run.KeypointData.load": self._many_images(KeypointData.load),
            "litepose.datasets.synthetic.write": self._draw(synthetic.write),
            "litepose.datasets.synthetic.write_classification": self._draw_classes(
                synthetic.write_classification
            ),
        }
        with ExitStack() as stack:
            for name, replacement in replaced.items():
                stack.enter_context(mock.patch(name, replacement))
            yield

    @contextmanager
    def _instead_of(self, part: float, whole: float) -> Iterator[None]:
        """Time what runs within, as one of ``part`` of ``whole`` pieces of work."""
        self._settle()
        started = time.perf_counter()
        yield
        self._settle()
        self.work.seconds += (time.perf_counter() - started) * (whole / part - 1)

    def _settle(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    # Training

    def _fit(
        self,
        model: nn.Module,
        task: Any,
        schedule: Schedule,
        *,
        measure: Callable[[int], dict[str, float]],
        mechanics: Mechanics,
        **_: Any,
    ) -> list[dict[str, float]]:
        """In place of ``litepose.training.loop.fit``."""
        work, started = self.work, time.perf_counter()
        steps, batch = len(task.batches(0)) * schedule.epochs, task.batch_size
        share = max(1, batch // self.processes)
        taken, seconds, macs, activations = self._steps(model, task, share, mechanics)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        parts = mechanics.accumulate
        work.steps += steps
        work.trained += steps * batch
        work.macs += TRAINING_PASSES * macs * steps * batch
        work.memory = max(work.memory, ADAM_BYTES * parameters + activations * -(-share // parts))
        work.checkpoint = max(work.checkpoint, ADAM_BYTES * 3 / 4 * parameters)
        work.share = min(work.share, taken / share)
        work.seconds += steps * share * seconds - (time.perf_counter() - started)
        for epoch in range(1, schedule.epochs + 1):
            measure(epoch)
        return [{"loss": 0.0, "seconds": 0.0}] * schedule.epochs

    def _steps(
        self, model: nn.Module, task: Any, share: int, mechanics: Mechanics
    ) -> tuple[int, float, float, float]:
        """Images of a measured step; seconds, forward MACs and bytes of activations per image."""
        if hasattr(task, "space"):
            return self._supernet_steps(model, task, share, mechanics)
        taken, seconds, memory, _ = self._measured(model, task, share, mechanics)
        teacher = getattr(task, "teacher", None)
        taught = self._count(teacher, task.image_resolution) / TRAINING_PASSES if teacher else 0
        return taken, seconds, self._count(model, task.resolution) + taught, memory

    def _supernet_steps(
        self, model: nn.Module, task: Any, share: int, mechanics: Mechanics
    ) -> tuple[int, float, float, float]:
        """Steps of configurations that are spread over those of an epoch by their MACs, the largest first."""
        depth = pose_run.depth()
        costs = {
            one: litepose_cost(one.architecture, one.resolution, model.num_joints, depth=depth)["macs"]
            for one in task.configurations(0)
        }
        ordered = sorted(costs, key=costs.get, reverse=True)
        spread = [ordered[int((number + 0.5) * len(ordered) / STEPS)] for number in range(STEPS)]
        task.drawn = spread
        taken, seconds, memory, measured = self._measured(model, task, share, mechanics, spread)
        mean = sum(costs.values()) / len(costs)
        of_measured = sum(costs[one] for one in spread[:measured]) / measured
        return taken, seconds * mean / of_measured, mean, memory

    def _measured(
        self,
        model: nn.Module,
        task: Any,
        share: int,
        mechanics: Mechanics,
        configurations: Sequence[Configuration] = (),
    ) -> tuple[int, float, float, int]:
        """Images of a measured step, seconds and bytes of activations per image, and how many steps.

        Args:
            configurations: of a supernet, to measure a step of each, unless the first is too large.
        """
        plain = dataclasses.replace(mechanics, accumulate=1)
        with _kept_for_backward() as kept:
            first = self._seconds(model, task, _batches(task, 1, 1, configurations), plain)
        taken, count = min(share, max(1, int(LARGEST / first))), 1
        measured, reading = first, 0.0
        if first < LARGEST:
            cold = self._seconds(model, task, _batches(task, taken, 1, configurations), plain)
            count = len(configurations) or min(STEPS, max(1, int(LIMIT / cold)))
            started = time.perf_counter()
            batches = _batches(task, taken, count, configurations)
            count = len(batches)
            reading = (time.perf_counter() - started) / (taken * count)
            measured = self._seconds(model, task, batches, plain) / (taken * count)
        seconds = max(measured, reading / self.workers) if self.workers else measured + reading
        return taken, seconds, sum(kept.values()), count

    def _seconds(self, model: nn.Module, task: Any, batches: list[Any], mechanics: Mechanics) -> float:
        """Seconds of training steps on batches."""
        few = _Few(task, batches)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.0)
        scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
        scaler = mechanics.scaler(self.device)
        self._settle()
        started = time.perf_counter()
        loop.train_one_epoch(model, few, optimizer, scheduler, 0, "plan", mechanics, scaler)
        self._settle()
        return time.perf_counter() - started

    def _count(self, model: nn.Module, side: int) -> int:
        """Multiply-accumulates of an image of that side, counted once: it takes longer than many a step."""
        if (model, side) not in self._counted:
            self._counted[model, side] = complexity.count(model, side)["macs"]
        return self._counted[model, side]

    # Tests

    def _predict(
        self,
        model: nn.Module,
        images: Annotations | inference.Prepared,
        skeleton: Any,
        input_size: int | None = None,
        **options: Any,
    ) -> list[dict]:
        """In place of ``litepose.inference.predict``, by a network that seems to find people."""
        prepared = isinstance(images, inference.Prepared)
        records = images.views if prepared else images.images

        def some(count: int) -> Annotations | inference.Prepared:
            return dataclasses.replace(images, **{"views" if prepared else "images": records[:count]})

        seeing = Seeing(model, skeleton.num_joints, list(skeleton.flip))
        with self._instead_of(1, 0):
            started = time.perf_counter()
            inference.predict(seeing, some(1), skeleton, input_size, **options)
            first = time.perf_counter() - started
        taken = min(len(records), IMAGES, max(1, int(LIMIT / first)))
        with self._instead_of(taken, len(records)):
            found = inference.predict(seeing, some(taken), skeleton, input_size, **options)
        side = input_size or min(records[0].resizing.width, records[0].resizing.height)
        passes = (1 + options["flip"]) * sum(scale**2 for scale in options.get("scales", (1.0,)))
        self._tested(len(records), passes * self._count(model, side))
        return found

    def _average_precision(self, original: Callable) -> Callable:
        """The points of an AP curve all cost what the first one does."""

        def average_precision(model: nn.Module, *arguments: Any) -> dict[str, float]:
            return self._repeated(self._scores, (model,), lambda: original(model, *arguments))

        return average_precision

    def _judge(self, original: Callable) -> Callable:
        """Candidates of one resolution all cost what the first one does."""

        def judge(evaluator: candidates.Evaluator, configuration: Configuration) -> float:
            evaluator.images.views(configuration.resolution)
            evaluator.images.prepared(configuration.resolution)
            key = ("candidate", configuration.resolution)
            return self._repeated(self._judged, key, lambda: original(evaluator, configuration), self._judges)

        return judge

    def _repeated(self, known: dict, key: tuple, measure: Callable[[], Any], at_once: int = 1) -> Any:
        """Measure something once, and count it again whenever it is asked for."""
        if key in known:
            cost, result = known[key]
            self.work.seconds += cost.seconds / at_once
        else:
            before, self.work = self.work, Work()
            started = time.perf_counter()
            result = measure()
            elapsed = time.perf_counter() - started
            cost, self.work = self.work, before
            self.work.seconds += cost.seconds / at_once - elapsed * (1 - 1 / at_once)
            cost.seconds += elapsed
            known[key] = cost, result
        self._tested(cost.tested, cost.macs / max(1, cost.tested))
        return result

    def _one_device(self, original: Callable) -> Callable:
        def devices(name: str) -> list[torch.device]:
            every = original(name)
            self._judges = len(every)
            return every[:1]

        return devices

    def _tested(self, images: int, macs: float) -> None:
        self.work.tested += images
        self.work.macs += images * macs

    def _views(self, original: Callable) -> Callable:
        """Few different images to calibrate on, but as many parts as there would be."""

        def views(task: PoseTask, resolution: int) -> list[Tensor]:
            batch_size = min(task.batch_size, len(task.dataset))
            few = min(batch_size, CALIBRATION_PART, IMAGES)
            task.batch_size, kept = few, task.batch_size
            with self._instead_of(few, batch_size):
                parts = original(task, resolution)
            task.batch_size = kept
            return parts * max(1, batch_size // few)

        return views

    def _recalibrate(self, model: nn.Module, batches: Any) -> None:
        """In place of ``litepose.nas.calibration.recalibrate``."""
        parts = list(batches)
        with self._instead_of(1, len(parts)):
            calibration.recalibrate(model, parts[:1])
        images = sum(len(part) for part in parts)
        self._tested(images, self._count(model, parts[0].shape[-1]))

    def _prepare(self, images: Annotations, *arguments: Any) -> inference.Prepared:
        """In place of ``litepose.inference.prepare``."""
        count = len(images)
        few = min(count, IMAGES)
        with self._instead_of(few, count):
            prepared = inference.prepare(dataclasses.replace(images, images=images.images[:few]), *arguments)
        return dataclasses.replace(prepared, views=_many(prepared.views, count))

    def _correct(self, model: nn.Module, batches: DataLoader, device: torch.device) -> Tensor:
        """In place of ``litepose.training.classification.correct``."""
        count, few = len(batches.dataset), [next(iter(batches))]
        with self._instead_of(len(few[0][1]), count):
            next(iter(batches))
            classification.correct(model, few, device)
        self._tested(count, self._count(model, few[0][0].shape[-1]))
        return torch.zeros(count, dtype=torch.bool)

    # Latency

    def _prepare_runtimes(self, original: Callable) -> Callable:
        """All systems taken for as slow to prepare as the one of the smallest input."""

        def prepare_all(wanted: dict[str, list[str]], *arguments: Any) -> tuple[dict, list[str]]:
            smallest = min(wanted, key=models.published_input_size)
            pairs = sum(map(len, wanted.values()))
            with self._instead_of(len(wanted[smallest]), pairs):
                return original({smallest: wanted[smallest]}, *arguments)

        return prepare_all

    def _measure_runtimes(self, prepared: Any, section: dict[str, Any], seed: int) -> dict:
        self.work.seconds += section["max_seconds"]
        return {}

    def _measure_configurations(self, chosen: list[Configuration], *_: Any) -> np.ndarray:
        self.work.seconds += pose_run.params()["latency_model"]["max_seconds"]
        return np.linspace(1.0, 2.0, len(chosen))

    # Data

    def _many_images(self, original: Callable) -> Callable:
        """As many images as the split has, of few pictures."""

        def load(data: KeypointData, split: str, first: int | None = None) -> Annotations:
            loaded = original(data, split)
            count = self.counts[Path(loaded.file).parents[1].name, split]
            return dataclasses.replace(loaded, images=_many(loaded.images, count)[:first])

        return load

    def _many_files(self) -> type[ClassificationDataset]:
        """A class of data sets with as many images as the split has, of few pictures."""
        counts = self.counts

        class ManyFiles(ClassificationDataset):
            """As many samples as the split has."""

            def __init__(self, root: Path, split: str, *arguments: Any, **options: Any) -> None:
                super().__init__(root, split, *arguments, **options)
                self.samples = _many(self.samples, counts["classification", split])

        return ManyFiles

    def _draw(self, original: Callable) -> Callable:
        def write(out: Path, skeleton: Any, splits: dict[str, int], *arguments: Any) -> None:
            self._drawn(skeleton.name, out, lambda few: original(out, skeleton, few, *arguments, workers=1))

        return write

    def _draw_classes(self, original: Callable) -> Callable:
        def write(out: Path, splits: dict[str, int], *arguments: Any) -> None:
            self._drawn("classification", out, lambda few: original(out, few, *arguments, workers=1))

        return write

    def _drawn(self, name: str, out: Path, draw: Callable[[dict[str, int]], None]) -> None:
        """Draw few images per split; drawing all is shared by the cores' processes, which must start."""
        whole = {split: count for (data, split), count in self.counts.items() if data == name}
        few = dict.fromkeys(whole, IMAGES)
        with self._instead_of(sum(few.values()), sum(whole.values()) / self.cores):
            draw(few)
        self.work.seconds += self.start * len(few)
        self.work.disk += _bytes(out) * sum(whole.values()) / sum(few.values())


class Seeing(nn.Module):
    """A network whose outputs are overwritten with a few people, as a trained one's would show them.

    Untrained networks see nobody or thousands, and grouping would take another time. Paired joints lie on
    each other in the middle column, so that the mirrored image has the same people.
    """

    PEOPLE = 3

    def __init__(self, model: nn.Module, num_joints: int, flip: list[int]) -> None:
        super().__init__()
        self.model, self.num_joints = model, num_joints
        self.rows = [min(joint, other) for joint, other in enumerate(flip)]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Outputs of the network's shapes and cost."""
        outputs = [output.clone() for output in self.model(images)]
        for output in outputs:
            height, width = output.shape[2:]
            output.zero_()
            for person, joint in itertools.product(range(self.PEOPLE), range(self.num_joints)):
                row = int((person + self.rows[joint] / self.num_joints) * height / self.PEOPLE)
                output[:, joint, row, width // 2 - 1 : width // 2 + 1] = 1.0
                if output.shape[1] > self.num_joints:
                    output[:, self.num_joints + joint, row] = person
        return outputs


class _Few:
    """A task whose epoch has the given batches only."""

    def __init__(self, task: Any, batches: list[Any]) -> None:
        self._task, self._batches = task, batches

    def batches(self, epoch: int) -> list[Any]:
        return self._batches

    def loss(self, *arguments: Any) -> Any:
        return self._task.loss(*arguments)


def _batches(task: Any, size: int, count: int, configurations: Sequence[Configuration]) -> list[Any]:
    """The first batches of a task, of another size, at its resolution or the configurations'."""
    resolutions: int | list[int] = task.resolution
    if configurations:
        steps = steps_per_epoch(task.dataset, size)
        resolutions = _many([one.resolution for one in configurations], steps)
    options = {"device": task.device, "workers": 0, "image_resolution": task.image_resolution}
    every = epoch_batches(task.dataset, task.collate, size, 0, resolutions, **options)
    return list(itertools.islice(every, count))


@contextmanager
def _kept_for_backward() -> Iterator[dict[int, int]]:
    """Bytes by address of the tensors that autograd keeps for the backward pass."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
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


def _many(items: list, count: int) -> list:
    """The items again and again, so many in all."""
    return list(itertools.islice(itertools.cycle(items), count))


def _bytes(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
