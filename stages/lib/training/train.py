"""Training the networks of a run, one per seed: resumed where it was killed, curves for ``dvc plots``."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from dvclive import Live
from torch import nn

from litepose.core import distributed
from litepose.models import weights
from litepose.training.loop import fit
from litepose.training.schedule import Schedule
from litepose.training.step import StepOptions, parts_of
from litepose.training.task import ImageTask
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values, section
from stages.lib.common.results import digest, write_json
from stages.lib.monitor import monitor
from stages.lib.training.tasks import learning
from stages.lib.training.training import CLASSIFICATION, Training, recipe, trained

History = list[dict[str, float]]
Measure = Callable[[int], dict[str, float]]
# The code that decides what an interrupted training would have become
CODE = [Path("litepose") / part for part in ("models", "training", "datasets")]
CHECKPOINTS, CURVES = Path("data/checkpoints"), Path("data/curves")
LOG = "training.json"  # beside the curves
UNREPRODUCIBLE = {"seconds", "wait_share"}


def train(training: Training, values: Values, seeds: Sequence[int]) -> dict[str, float]:
    """Train a network once per seed; write all weights, the curves of the first, and how it went.

    A finished training keeps its state until all are finished: a killed stage repeats none.

    Returns:
        What ``data/curves/<stage>/<run>/training.json`` says: mean of the last losses, resolution, the images
        that each training saw, and the seconds of all.
    """
    histories, images = [], 0
    for seed in seeds:
        task, outputs, skeleton = learning(training, values, seed)
        network = training.network.build(outputs, seed)
        images = _checked_images(training, task, recipe(values).options)
        histories.append(
            train_network(
                f"{training.name}/{seed}",
                network,
                task,
                training.schedule,
                recipe(values).options,
                [repr(training), repr(recipe(values)), seed, *_data(training, values)],
                monitor(training, network, values) if training.has_ap else _nothing,
                CURVES / training.name if seed == seeds[0] else None,
            )
        )
        if not distributed.rank():
            weights.save(trained(training.stage, training.run, seed), network, skeleton, training.resolution)
    keep_only([trained(training.stage, training.run, seed) for seed in seeds])
    went = write_log(training, histories, images)
    for seed in seeds:
        discard_state(f"{training.name}/{seed}")
    return went


def train_network(
    name: str,
    network: nn.Module,
    task: ImageTask,
    schedule: Schedule,
    options: StepOptions,
    decisive: Sequence[Any],
    measure: Measure,
    curves: Path | None,
) -> History:
    """Train a network in place, or go on where a killed run was.

    The state stays in ``data/checkpoints`` until :func:`discard_state`.

    Args:
        name: of the training and its state.
        decisive: values and files that decide the result, beside the network's weights and the code.
        measure: further numbers of an epoch.
        curves: directory of the curves; None for none.

    Returns:
        The numbers of each epoch.
    """
    # The sums stand for the weights that the training starts from.
    initial = {key: float(tensor.double().sum()) for key, tensor in network.state_dict().items()}
    network.to(task.device)
    logs = curves is not None and distributed.rank() == 0
    with Live(str(curves), dvcyaml=None, save_dvc_exp=False) if logs else nullcontext() as live:

        def log(epoch: int, row: dict[str, float]) -> None:
            if live is None:
                return
            live.step = epoch
            for key in sorted(row.keys() - UNREPRODUCIBLE):
                live.log_metric(key, float(f"{row[key]:.6g}"))

        return fit(
            network,
            task,
            schedule,
            name=name,
            checkpoint_path=_state(name),
            fingerprint=digest(*decisive, initial, *CODE),
            measure=measure,
            log=log,
            options=options,
        )


def write_log(training: Training, histories: Sequence[History], images: int) -> dict[str, float]:
    """Write and return how the trainings of a run, on so many images each, went."""
    content = {
        "loss": float(np.mean([history[-1]["loss"] for history in histories])),
        "resolution": training.resolution,
        "images": images,
        "seconds": round(sum(map(seconds, histories))),
    }
    write_json(CURVES / training.name / LOG, content, digits=6)
    return content


def seconds(history: History) -> float:
    """Seconds that a training's epochs took, those before an interruption included."""
    return sum(row["seconds"] for row in history)


def discard_state(name: str) -> None:
    """Delete the state of a training whose outputs are written."""
    if distributed.rank() == 0:
        _state(name).unlink(missing_ok=True)


def keep_only(files: Sequence[Path]) -> None:
    """Delete the other weights beside these, which a test would take for this run's too."""
    if distributed.rank() == 0:
        for file in set(files[0].parent.glob("*.pt")) - set(files):
            file.unlink()


def _state(name: str) -> Path:
    return CHECKPOINTS / f"{name}.pt"


def _checked_images(training: Training, task: ImageTask, options: StepOptions) -> int:
    """Images that a training sees, one counted each time; their batches are such as can be shared.

    Raises:
        InputError: a batch is one that the processes, or the parts of a step, cannot share equally.
    """
    schedule = training.schedule
    with section(training.stage):
        steps = len(task.batches(0))
        parts_of(range(schedule.batch_size // distributed.processes()), options.accumulate_grad)
    return schedule.epochs * steps * schedule.batch_size


def _data(training: Training, values: Values) -> list[Any]:
    """Values and files that change with what a network learns from."""
    if training.data == CLASSIFICATION:
        # Drawn or found anew, its images change no file of names.
        return [values["seed"], values[CLASSIFICATION], Path("data/classification/dataset.json")]
    data = keypoint_data(training.data, values)
    teachers = [training.teacher.weights] if training.teacher else []
    return [*(data.splits[split][0] for split in data.fit), *teachers]


def _nothing(_epoch: int) -> dict[str, float]:
    return {}
