"""Part 1: all kinds of steps give the processor's losses and gradients; a killed training goes on exactly."""

import itertools
import os
import signal
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import multiprocessing, nn

from gpu import trainings
from gpu.record import NotRun, Numbers, Record, Within
from gpu.sizes import Sizes
from gpu.trainings import Step
from litepose.training.loop import fit
from litepose.training.pose import PoseTask
from litepose.training.schedule import Schedule
from litepose.training.step import StepOptions

# Of gradients, as shares of their length, and of losses, as shares of the total. A float32 gradient may
# differ from float64's by ten of the processor's own rounding errors. Broken layers give differences about 1.
ROUNDING, LEAST = 10, 1e-5
GRADIENT = {"tf32": 0.2, "float16": 0.2, "bfloat16": 0.5}
LOSS = {"float32": 1e-5, "tf32": 2e-3, "float16": 5e-3, "bfloat16": 1e-2}
COMPILING = 40  # seconds that a translation takes at least
COMPILED = ("pose", "distillation", "classification")  # a supernet's widths change in every step
SCHEDULE = Schedule(epochs=3, batch_size=4, learning_rate=0.008, milestones=(), warmup_epochs=0.5)
KILLED_IN = 2  # epoch, counted from 0


class Reference(NamedTuple):
    """A step in float64 on the processor, and the rounding errors of its own float32."""

    step: Step
    rounding: float

    def compare(self, step: Step, precision: str) -> Numbers:
        """Errors of a step with their limits."""
        limit = GRADIENT.get(precision, max(LEAST, ROUNDING * self.rounding))
        return {
            "gradient_error": Within(trainings.error(step.gradient, self.step.gradient), limit),
            "loss_error": Within(trainings.loss_error(step, self.step), LOSS[precision]),
        }


def run(record: Record, device: torch.device, sizes: Sizes) -> None:
    """Measure all items; what has to be translated first comes last."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        trainings.write_pictures(place, 2 * sizes.step_images, 2 * sizes.step_side)
        references = cache(partial(reference, folder=place, sizes=sizes))

        def measure(kind: str, name: str, step: Callable, precision: str = "float32", seconds: float = 0):
            measured = partial(compared, references, kind, step, precision, place, device, sizes)
            record.measure(f"{kind}, {name}", measured, seconds)

        for kind in trainings.KINDS:
            measure(kind, "float32", trainings.one_step)
            if device.type == "cuda":
                measure(kind, "tf32", trainings.one_step, "tf32")
            for precision in ("bfloat16", "float16"):
                measure(kind, precision, partial(trainings.lowered_step, precision=precision), precision)
        measure("pose", "traced", partial(compiled_step, backend="aot_eager"))
        record.measure("killed and resumed", lambda: resumed(place, device, sizes))
        seconds = COMPILING if sizes.compiled else 0
        for kind, precision in itertools.product(COMPILED, ("float32", "bfloat16")):
            step = partial(translated_step, sizes=sizes, precision=precision)
            measure(kind, f"compiled, {precision}", step, precision, seconds)


def compared(
    references: Callable[[str], Reference],
    kind: str,
    step: Callable,
    precision: str,
    folder: Path,
    device: torch.device,
    sizes: Sizes,
) -> Numbers:
    """A step on the device beside the processor's."""
    with matrix_precision(tf32=precision == "tf32"):
        model = trainings.network(kind, sizes.step_depth).to(device)
        found = step(model, trainings.task(kind, folder, device, sizes))
    return references(kind).compare(found, precision)


def reference(kind: str, folder: Path, sizes: Sizes) -> Reference:
    """What a kind of step gives on the processor."""
    task = trainings.task(kind, folder, torch.device("cpu"), sizes)
    network = trainings.network(kind, sizes.step_depth)
    exact = trainings.one_step(trainings.Double(network), task)
    rounded = trainings.one_step(network, task)
    return Reference(exact, trainings.error(rounded.gradient, exact.gradient))


@contextmanager
def matrix_precision(tf32: bool):
    """Convolutions and products on a GPU in TF32, PyTorch's choice for convolutions, or in float32."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def compiled_step(model: nn.Module, task, precision: str = "float32", **options) -> Step:
    """A step through torch.compile."""
    torch.compiler.reset()
    step_options = StepOptions(precision=precision, compile=True)
    return trainings.one_step(model, task, step_options, lambda own: torch.compile(own, **options))


def translated_step(model: nn.Module, task, sizes: Sizes, precision: str = "float32") -> Step:
    """A step through torch.compile as a training uses it."""
    if not sizes.compiled:
        raise NotRun("torch.compile takes minutes of a processor")
    return compiled_step(model, task, precision)


class KilledTask(PoseTask):
    """Ends its process in the midst of the training, as a full disk's or a queue's kill does."""

    def batches(self, epoch):
        if epoch == KILLED_IN:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().batches(epoch)


def train(folder: Path, state: Path, device: torch.device, sizes: Sizes, killed: bool) -> torch.Tensor:
    """Weights [W] of a short training on the device, in one row."""
    if device.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
    model = trainings.network("pose", sizes.step_depth).to(device)
    task = trainings.task("pose", folder, device, sizes)
    if killed:
        task.__class__ = KilledTask
    fit(
        model,
        task,
        SCHEDULE,
        name="resumed",
        checkpoint_path=state,
        fingerprint="same",
        measure=lambda epoch: {},
        log=lambda epoch, row: None,
    )
    return torch.cat([tensor.flatten().double().cpu() for tensor in model.state_dict().values()])


def resumed(folder: Path, device: torch.device, sizes: Sizes) -> Numbers:
    """A killed and resumed training against two that were not; equal bit by bit where these two are.

    Where the device adds in another order in each run, the resumed one may differ ten times as much.
    """
    whole, again = (train(folder, folder / f"{name}.pt", device, sizes, False) for name in ("whole", "again"))
    arguments = (folder, folder / "state.pt", device, sizes, True)
    process = multiprocessing.get_context("spawn").Process(target=train, args=arguments)
    process.start()
    process.join()
    if process.exitcode != -signal.SIGKILL or not (folder / "state.pt").is_file():
        raise RuntimeError(f"the training to be killed ended with {process.exitcode}")
    torch.rand(7)  # a new process starts with another state of the generator
    found = train(folder, folder / "state.pt", device, sizes, False)
    own = trainings.error(again, whole)
    return {"two_runs_differ": own, "resumed_differs": Within(trainings.error(found, whole), 10 * own)}
