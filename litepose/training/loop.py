"""The training loop of every stage: one loss, one optimizer, a checkpoint after each epoch, exact resume."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sized
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from litepose.core import distributed
from litepose.core.errors import DivergedError
from litepose.training import checkpoint
from litepose.training import optimizer as optimizers
from litepose.training.depthwise import fast_gradient
from litepose.training.schedule import Schedule
from litepose.training.step import PLAIN, StepOptions, parts_of

logger = logging.getLogger(__name__)


class Batches(Sized, Iterable[Any], Protocol):
    """One epoch of batches, as a ``DataLoader`` gives them."""


class Task(Protocol):
    """What a network learns: the batches of an epoch and the loss of a batch."""

    compilable: bool  # whether the network's shapes are the same in every step

    def batches(self, epoch: int) -> Batches:
        """Batches of one epoch; the same epoch gives the same batches."""

    def loss(self, model: nn.Module, batch: Any, epoch: int, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise, and its named parts for the curves."""


class Keeper(Protocol):
    """What an interrupted run goes on with: PyTorch's networks, optimizers and schedules."""

    def state_dict(self) -> Any:
        """Tensors and plain values."""

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Take over what ``state_dict`` gave."""


class Means:
    """Running means of named scalars, kept on the device so that no step waits for them."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, values: dict[str, Tensor]) -> None:
        """Take one step's values."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.detach().double()
        self.count += 1

    def means(self) -> dict[str, float]:
        """The means so far, over all processes."""
        return distributed.averaged({name: float(total) / self.count for name, total in self.sums.items()})


class Watch:
    """Stops a run whose loss is not finite.

    On a GPU a loss is looked at one step late: by then it is computed, and the step has not waited for it.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.waiting: deque[tuple[int, Tensor, Any]] = deque()

    def add(self, step: int, loss: Tensor, batch: Any) -> None:
        """Take the loss of a batch."""
        self.waiting.append((step, loss.detach(), getattr(batch, "image_ids", "unknown")))
        self.check(lag=1 if loss.is_cuda else 0)

    def check(self, lag: int = 0) -> None:
        """Look at all losses but the last ``lag``.

        Raises:
            DivergedError: one is not finite.
        """
        while len(self.waiting) > lag:
            step, loss, images = self.waiting.popleft()
            value = loss.item()
            if not math.isfinite(value):
                raise DivergedError(
                    f"{self.title}: the loss of batch {step + 1} is {value} (images {images}): "
                    "lower the learning rate"
                )


def backward(
    model: nn.Module,
    task: Task,
    batch: Any,
    epoch: int,
    step: int,
    options: StepOptions,
    scaler: torch.amp.GradScaler,
    watch: Watch,
) -> dict[str, Tensor]:
    """Add the gradient of a batch, part by part, to the parameters; returns its losses by name."""
    device = next(model.parameters()).device
    losses: dict[str, Tensor] = {}
    for number, part in enumerate(parts_of(batch, options.accumulate_grad), 1):
        with distributed.exchange(model, now=number == options.accumulate_grad):
            with options.autocast(device):
                loss, named = task.loss(model, part, epoch, step)
            watch.add(step, loss, part)
            scaler.scale(loss / options.accumulate_grad).backward()
        for name, value in {"loss": loss, **named}.items():
            losses[name] = losses.get(name, 0.0) + value.detach() / options.accumulate_grad
    return losses


def train_one_epoch(
    model: nn.Module,
    task: Task,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    epoch: int,
    title: str,
    options: StepOptions,
    scaler: torch.amp.GradScaler,
) -> dict[str, float]:
    """One pass over the task's batches.

    Returns:
        Mean of the loss and of each of its parts, the epoch's last learning rate, and ``wait_share``:
        the share of the time in which the step waited for its batch.

    Raises:
        DivergedError: a loss is not finite.
    """
    model.train()
    means, watch = Means(), Watch(title)
    batches = task.batches(epoch)
    progress = tqdm(
        total=len(batches), desc=title, leave=False, disable=distributed.rank() > 0 or None, unit="batch"
    )
    started, waited = time.perf_counter(), 0.0
    iterator = iter(batches)
    for step in range(len(batches)):
        asked = time.perf_counter()
        batch = next(iterator)
        waited += time.perf_counter() - asked
        optimizer.zero_grad(set_to_none=True)
        losses = backward(model, task, batch, epoch, step, options, scaler, watch)
        if options.clip_gradient:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), options.clip_gradient)
        scaler.step(optimizer)
        scaler.update()
        rate = float(scheduler.get_last_lr()[0])
        scheduler.step()
        means.add(losses)
        progress.update()
    watch.check()
    progress.close()
    wait_share = waited / (time.perf_counter() - started)
    return {**means.means(), "learning_rate": rate, "wait_share": wait_share}


def fit(
    model: nn.Module,
    task: Task,
    schedule: Schedule,
    *,
    name: str,
    checkpoint_path: Path,
    fingerprint: str,
    measure: Callable[[int], dict[str, float]],
    log: Callable[[int, dict[str, float]], None],
    options: StepOptions = PLAIN,
) -> list[dict[str, float]]:
    """Train a network in place; an interrupted run goes on after its last whole epoch.

    The same calls give the same weights whether or not the run was interrupted: batches depend on
    the epoch only, and the checkpoint holds the network, the optimizer's moments, the schedule, the
    scale of float16's gradients and the state of PyTorch's generators.

    Args:
        model: network, on its device.
        task: its batches and its loss.
        schedule: epochs and learning rate.
        name: what is trained, for progress bars and messages.
        checkpoint_path: file that keeps the run's state while it lasts; deleted by the caller.
        fingerprint: digest of everything that determines the run; another one starts afresh.
        measure: further numbers of an epoch (counted from 1), such as AP; may return none.
        log: called with the epoch and its numbers, also for the epochs before an interruption.
        options: how a step is computed.

    Returns:
        The numbers of each epoch: what ``train_one_epoch`` and ``measure`` give, and ``seconds``.

    Raises:
        DivergedError: a loss is not finite.
    """
    device = next(model.parameters()).device
    optimizer = optimizers.create(options.optimizer, model, schedule.base_rate)
    steps = len(task.batches(0))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedule.factor(step, steps))
    scaler = options.scaler(device)
    keepers: dict[str, Keeper] = {"model": model, "optimizer": optimizer}
    keepers |= {"scheduler": scheduler, "scaler": scaler}
    history: list[dict[str, float]] = []
    if saved := checkpoint.load_interrupted(checkpoint_path, fingerprint):
        for key, keeper in keepers.items():
            keeper.load_state_dict(saved[key])
        _restore_generators(saved["generators"], device)
        history = saved["history"]
        logger.info("%s: resumed after epoch %d of %d", name, len(history), schedule.epochs)
    for epoch, row in enumerate(history, 1):
        log(epoch, row)
    compiled = options.compile and task.compilable
    forward = cast(nn.Module, torch.compile(model)) if compiled else model
    with fast_gradient(model), distributed.parallel(model, forward) as trained:
        for epoch in range(len(history) + 1, schedule.epochs + 1):
            started = time.perf_counter()
            title = f"{name}: epoch {epoch}/{schedule.epochs}"
            row = train_one_epoch(trained, task, optimizer, scheduler, epoch - 1, title, options, scaler)
            row |= measure(epoch)
            row["seconds"] = time.perf_counter() - started
            history.append(row)
            log(epoch, row)
            logger.info("%s: %s", title, ", ".join(f"{key} {value:.4g}" for key, value in row.items()))
            state = {key: keeper.state_dict() for key, keeper in keepers.items()}
            checkpoint.save(
                checkpoint_path,
                {"fingerprint": fingerprint, "generators": _generators(device), "history": history, **state},
            )
    return history


def _generators(device: torch.device) -> list[Tensor]:
    """States of the generators that a run draws from: the CPU's, and its GPU's."""
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def _restore_generators(states: list[Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
