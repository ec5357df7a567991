"""One training run of a stage: resumed where it was killed, its curves written for ``dvc plots``."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from dvclive import Live
from torch import nn

from litepose.training import distributed
from litepose.training.loop import Task, fit
from litepose.training.schedule import Schedule
from litepose.training.step import StepOptions
from stages.common import digest, params

History = list[dict[str, float]]
# Everything that decides what an interrupted run would have become
CODE = [Path("litepose") / part for part in ("models", "training", "datasets", "nas")]
SHARED_SECTIONS = ("seed", "recipe", "evaluation", "crowdpose", "coco", "classification")
UNREPRODUCIBLE = {"seconds", "wait_share"}


def train(
    stage: str,
    run: str,
    model: nn.Module,
    task: Task,
    section: dict[str, Any],
    measure: Callable[[int], dict[str, float]] = lambda epoch: {},
    seed: int | None = None,
    curves: bool = True,
) -> History:
    """Train a network by a stage's section of the parameters, or go on where a killed run was.

    The curves go to ``data/curves``; the state of the training stays in ``data/checkpoints`` until the
    stage has written its outputs and calls :func:`forget`.

    Args:
        seed: where a run is trained with several, for each has a state of its own.
        curves: whether this training's curves are the run's.

    Returns:
        The numbers of each epoch.
    """
    shared = {name: params()[name] for name in SHARED_SECTIONS}
    # The sums stand for the weights that the run starts from.
    initial = {name: float(tensor.double().sum()) for name, tensor in model.state_dict().items()}
    options = StepOptions(**{name: shared["recipe"][name] for name in StepOptions.__dataclass_fields__})
    schedule = Schedule(**{name: section[name] for name in Schedule.__dataclass_fields__})
    model.to(task.device)
    directory = Path("data/curves") / stage / run
    logs = curves and distributed.rank() == 0
    with Live(str(directory), dvcyaml=None, save_dvc_exp=False) if logs else nullcontext() as live:

        def log(epoch: int, row: dict[str, float]) -> None:
            if not logs:
                return
            live.step = epoch
            for name in sorted(row.keys() - UNREPRODUCIBLE):
                live.log_metric(name, float(f"{row[name]:.6g}"))

        return fit(
            model,
            task,
            schedule,
            name=_title(stage, run, seed),
            checkpoint_path=_state(stage, run, seed),
            fingerprint=digest(section, shared, initial, *CODE),
            measure=measure,
            log=log,
            options=options,
        )


def seconds_of(history: History) -> float:
    """Seconds that a run's epochs took, those before an interruption included."""
    return sum(row["seconds"] for row in history)


def forget(stage: str, run: str, seed: int | None = None) -> None:
    """Delete the state of a training whose outputs are written."""
    if distributed.rank() == 0:
        _state(stage, run, seed).unlink(missing_ok=True)


def _state(stage: str, run: str, seed: int | None) -> Path:
    return Path("data/checkpoints") / f"{_title(stage, run, seed)}.pt"


def _title(stage: str, run: str, seed: int | None) -> str:
    return f"{stage}/{run}" if seed is None else f"{stage}/{run}/{seed}"
