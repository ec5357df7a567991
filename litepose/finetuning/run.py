"""A fine-tuning from start to end: planned, trained, resumed where it was killed, with its curves."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import litepose
from litepose.core.files import write_text
from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import Annotations
from litepose.datasets.augmentation import Augmentation
from litepose.datasets.keypoints import KeypointDataset
from litepose.finetuning.plan import Plan, plan, seconds_of_a_step, step_options
from litepose.finetuning.rounds import Rounds
from litepose.training.checkpoint import load_interrupted
from litepose.training.frozen import frozen_statistics
from litepose.training.loop import fit
from litepose.training.losses import PoseLoss
from litepose.training.pose import PoseTask

Row = dict[str, float]


@dataclass(frozen=True)
class Settings:
    """How a network is fine-tuned.

    Attributes:
        resolution: side of the square training input, px.
        minutes: that the training takes; None for ``epochs``.
        epochs: passes over the images.
        batch_size: images of a step.
        learning_rate: Adam's at batch 32; other batch sizes scale it linearly.
        foreground_weight, tag_weight: of the loss, see :class:`litepose.training.losses.PoseLoss`.
        augmentation: ranges of the random views.
        seed: of order and views.
        workers: processes that prepare batches.
    """

    resolution: int
    minutes: float | None
    epochs: int
    batch_size: int
    learning_rate: float
    foreground_weight: float
    tag_weight: float
    augmentation: Augmentation
    seed: int
    workers: int


class FineTuning:
    """One fine-tuning; what is unfinished lies beside its output.

    Args:
        model: to be trained in place, on its device, its predictions those of the skeleton.
        images: annotated, to be trained on.
        skeleton: their joints.
        settings: see there.
        out: file that the caller writes the weights to.
        decisive: further values that decide the result, and files.

    Attributes:
        plan: of the run.
        curves: CSV file of the numbers of each round.
        resumed: whether a run of the same settings, weights and data was interrupted, and goes on.
    """

    def __init__(
        self,
        model: nn.Module,
        images: Annotations,
        skeleton: Skeleton,
        settings: Settings,
        out: Path,
        decisive: Sequence[Any],
    ) -> None:
        self.model, self.settings = model, settings
        self.device = next(model.parameters()).device
        self.dataset = KeypointDataset([images], skeleton, settings.augmentation, settings.seed)
        self.batch_size = min(settings.batch_size, len(self.dataset))
        self.options = step_options(self.batch_size, settings.resolution, self.device)
        self._state, self._plan = (out.with_name(f".{out.name}.{name}") for name in ("state", "plan"))
        self.curves = out.with_name(f"{out.name}.csv")
        self._decisive = _digest(litepose.__version__, asdict(settings), *decisive)
        self.plan = self._read_plan() or self._new_plan()
        self._fingerprint = _digest(self._decisive, asdict(self.plan))
        self.resumed = load_interrupted(self._state, self._fingerprint) is not None

    def train(self, measure: Callable[[int], Row]) -> list[Row]:
        """Train, with the loop of all trainings of this package.

        Args:
            measure: further numbers of a round (counted from 1).

        Returns:
            The numbers of each round, which are also in the file of the curves.

        Raises:
            DivergedError: a loss is not finite.
            InputError: an image cannot be read.
            WriteError: the state or the curves cannot be written.
        """
        rows: list[Row] = []

        def log(number: int, row: Row) -> None:
            rows.append({"round": number, **row})
            write_text(self.curves, _table(rows))

        task = self._task(Rounds(self.dataset, self.plan.steps * self.batch_size), self.settings.workers)
        torch.manual_seed(self.settings.seed)
        with frozen_statistics(self.model):
            return fit(
                self.model,
                task,
                self.plan.schedule(self.settings.learning_rate),
                name="fine-tuning",
                checkpoint_path=self._state,
                fingerprint=self._fingerprint,
                measure=measure,
                log=log,
                options=self.options,
            )

    def discard_state(self) -> None:
        """Delete what an interrupted run would go on with; to be called once the weights are written."""
        self._state.unlink(missing_ok=True)
        self._plan.unlink(missing_ok=True)

    def _task(self, dataset: Any, workers: int) -> PoseTask:
        settings = self.settings
        criterion = PoseLoss(settings.foreground_weight, settings.tag_weight, settings.tag_weight)
        return PoseTask(
            criterion,
            dataset=dataset,
            resolution=settings.resolution,
            batch_size=self.batch_size,
            device=self.device,
            workers=workers,
        )

    def _new_plan(self) -> Plan:
        settings = self.settings
        seconds = seconds_of_a_step(self.model, self._task(self.dataset, workers=0), self.options)
        made = plan(len(self.dataset), self.batch_size, seconds, settings.minutes, settings.epochs)
        write_text(self._plan, json.dumps({"decisive": self._decisive, "plan": asdict(made)}) + "\n")
        return made

    def _read_plan(self) -> Plan | None:
        """That of an interrupted run: minutes would become other numbers of steps on a busier machine."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(self._plan.read_text())
            if content["decisive"] == self._decisive:
                return Plan(**content["plan"])
        return None


def _digest(*parts: Any) -> str:
    """Of values, and of the content of files that are given as paths."""
    state = hashlib.sha256()
    for part in parts:
        state.update(
            part.read_bytes() if isinstance(part, Path) else json.dumps(part, sort_keys=True).encode()
        )
    return state.hexdigest()


def _table(rows: list[Row]) -> str:
    """The numbers of all rounds as CSV; a cell is empty where a round has no such number."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: value if name == "round" else float(f"{value:.6g}") for name, value in row.items()}
        for row in rows
    )
    return file.getvalue()
