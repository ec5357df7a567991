"""Part 5: two processes on one device by gloo, one by NCCL: gradients of the whole batch, and a training."""

import os
import sys
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist

from gpu import trainings
from gpu.parts.steps import LEAST, matrix_precision
from gpu.record import NotRun, Numbers, Record, Within
from gpu.sizes import ALL, Sizes
from litepose.core import distributed
from litepose.models import tensor_file
from litepose.training.loop import Watch, backward, fit
from litepose.training.schedule import Schedule
from litepose.training.step import PLAIN

SCHEDULE = Schedule(epochs=2, batch_size=4, learning_rate=0.008, milestones=(), warmup_epochs=0)
# Batch statistics are added up in another order: errors as of rounding, which grow with the layers.
GRADIENT = 1e-2


def run(record: Record, device: torch.device, sizes: Sizes) -> None:
    """Measure both items."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        trainings.write_pictures(place, 2 * sizes.step_images, 2 * sizes.step_side)
        record.measure("two processes, gloo", lambda: compared(place, 2, "gloo", device, sizes))
        record.measure("one process, nccl", lambda: compared(place, 1, "nccl", device, sizes))


def compared(folder: Path, count: int, backend: str, device: torch.device, sizes: Sizes) -> Numbers:
    """What the processes give beside what one that joined nobody gives."""
    if backend == "nccl" and device.type != "cuda":
        raise NotRun("NCCL needs a GPU")
    place = folder / backend
    place.mkdir()
    arguments = ["-m", "gpu.parts.processes", str(folder), backend, str(device), sizes.name]
    if not distributed.launch(count, sys.executable, arguments):
        raise RuntimeError(f"a process of {count} by {backend} failed")
    found = [tensor_file.read(place / f"{rank}.pt") for rank in range(count)]
    alone = measured(folder, device, sizes)
    losses = {name: sum(part["losses"][name] for part in found) / count for name in alone["losses"]}
    total = abs(alone["losses"]["loss"])
    differences = [abs(losses[name] - value) / total for name, value in alone["losses"].items()]
    apart = max(trainings.error(part["weights"], found[0]["weights"]) for part in found)
    return {
        "gradient_error": Within(trainings.error(found[0]["gradient"], alone["gradient"]), GRADIENT),
        "loss_error": Within(max(differences), LEAST),
        "weights_of_processes_differ": Within(apart, 0.0),
        "weights_differ_from_one": trainings.error(found[0]["weights"], alone["weights"]),
    }


def measured(folder: Path, device: torch.device, sizes: Sizes) -> dict:
    """Losses and gradient of a step, and the weights after a short training."""
    with matrix_precision(tf32=False):
        model = trainings.network("pose", sizes.step_depth).to(device)
        task = trainings.task("pose", folder, device, sizes)
        batch = next(iter(task.batches(0)))
        with distributed.parallel(model, model) as trained:
            losses = backward(trained.train(), task, batch, 0, 0, PLAIN, PLAIN.scaler(device), Watch("step"))
        gradient = torch.cat([parameter.grad.flatten() for parameter in model.parameters()]).cpu()
        model.zero_grad()
        state = folder / f"state-{distributed.processes()}-{os.getpid()}.pt"
        fit(
            model,
            task,
            SCHEDULE,
            name="processes",
            checkpoint_path=state,
            fingerprint="",
            measure=lambda epoch: {},
            log=lambda epoch, row: None,
        )
    weights = torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).cpu()
    return {
        "losses": {name: float(value) for name, value in losses.items()},
        "gradient": gradient,
        "weights": weights,
    }


def join(backend: str, device: torch.device) -> None:
    """As a training does; but two processes share a GPU, which NCCL refuses, by gloo."""
    if backend == "gloo" and device.type == "cuda":
        dist.init_process_group("gloo")
    else:
        distributed.join(device)


def main(folder: str, backend: str, device: str, sizes: str) -> None:
    """One of the processes."""
    place = torch.device(device)
    join(backend, place)
    found = measured(Path(folder), place, ALL[sizes])
    tensor_file.write(Path(folder) / backend / f"{dist.get_rank()}.pt", found)
    distributed.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
