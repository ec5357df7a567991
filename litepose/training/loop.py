"""The training loop of every stage: Adam, one loss, a checkpoint after each epoch, exact resume."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sized
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from litepose.errors import DivergedError
from litepose.training import checkpoint
from litepose.training.schedule import Schedule

logger = logging.getLogger(__name__)


class Batches(Sized, Iterable[Any], Protocol):
    """One epoch of batches, as a ``DataLoader`` gives them."""


class Task(Protocol):
    """What a network learns: the batches of an epoch and the loss of a batch."""

    def batches(self, epoch: int) -> Batches:
        """Batches of one epoch; the same epoch gives the same batches."""

    def loss(self, model: nn.Module, batch: Any, epoch: int, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise, and its named parts for the curves."""


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
        """The means so far."""
        return {name: float(total) / self.count for name, total in self.sums.items()}


def train_one_epoch(
    model: nn.Module,
    task: Task,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    epoch: int,
    title: str,
) -> dict[str, float]:
    """One pass over the task's batches.

    Returns:
        Mean of the loss and of each of its parts, and the epoch's last learning rate.

    Raises:
        DivergedError: a loss is not finite.
    """
    model.train()
    means = Means()
    batches = task.batches(epoch)
    for step, batch in enumerate(tqdm(batches, title, leave=False, disable=None, unit="batch")):
        loss, parts = task.loss(model, batch, epoch, step)
        value = loss.item()
        if not math.isfinite(value):
            images = getattr(batch, "image_ids", "unknown")
            raise DivergedError(
                f"{title}: the loss of batch {step + 1} is {value} (images {images}): "
                "lower the stage's learning_rate"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        rate = scheduler.get_last_lr()[0]
        scheduler.step()
        means.add({"loss": loss, **parts})
    return {**means.means(), "learning_rate": rate}


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
) -> list[dict[str, float]]:
    """Train a network in place; an interrupted run goes on after its last whole epoch.

    The same calls give the same weights whether or not the run was interrupted: batches depend on
    the epoch only, and the checkpoint holds the network, Adam's moments, the schedule and the state
    of PyTorch's generator.

    Args:
        model: network, on its device.
        task: its batches and its loss.
        schedule: epochs and learning rate.
        name: what is trained, for progress bars and messages.
        checkpoint_path: file that keeps the run's state while it lasts; deleted by the caller.
        fingerprint: digest of everything that determines the run; another one starts afresh.
        measure: further numbers of an epoch (counted from 1), such as AP; may return none.
        log: called with the epoch and its numbers, also for the epochs before an interruption.

    Returns:
        The numbers of each epoch: what ``train_one_epoch`` and ``measure`` give, and ``seconds``.

    Raises:
        DivergedError: a loss is not finite.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=schedule.base_rate)
    steps = len(task.batches(0))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedule.factor(step, steps))
    history: list[dict[str, float]] = []
    if saved := checkpoint.load_interrupted(checkpoint_path, fingerprint):
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        scheduler.load_state_dict(saved["scheduler"])
        torch.set_rng_state(saved["generator"])
        history = saved["history"]
        logger.info("%s: resumed after epoch %d of %d", name, len(history), schedule.epochs)
    for epoch, row in enumerate(history, 1):
        log(epoch, row)
    for epoch in range(len(history) + 1, schedule.epochs + 1):
        started = time.perf_counter()
        title = f"{name}: epoch {epoch}/{schedule.epochs}"
        row = train_one_epoch(model, task, optimizer, scheduler, epoch - 1, title)
        row |= measure(epoch)
        row["seconds"] = time.perf_counter() - started
        history.append(row)
        log(epoch, row)
        logger.info("%s: %s", title, ", ".join(f"{key} {value:.4g}" for key, value in row.items()))
        checkpoint.save(
            checkpoint_path,
            {
                "fingerprint": fingerprint,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "generator": torch.get_rng_state(),
                "history": history,
            },
        )
    return history
