"""Part 7: as much of the profile small as fits: drawn pictures, a few networks, AP against minutes."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from gpu import drawn
from gpu.device import ROOT, settle
from gpu.record import Late, Numbers, Record
from gpu.sizes import Sizes
from litepose.core.files import write_text
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets.annotations import Annotations
from litepose.evaluation import evaluate
from litepose.inference import predict
from litepose.training.loop import fit, train_one_epoch
from litepose.training.pose import PoseTask
from litepose.training.schedule import Schedule
from litepose.training.step import PLAIN

DRAWING, LEAVE = 0.25, 0.15  # shares of the time: for pictures; that a training leaves for its APs
FIRST = 512  # pictures whose drawing is timed
TIMED = 8  # steps, after as many that warm up
POINTS = 3  # of a curve
EVALUATORS = ("faster_coco_eval",)


def run(record: Record, device: torch.device, sizes: Sizes) -> None:
    """Measure all items."""
    profile = yaml.safe_load((ROOT / "profiles/small.yaml").read_text(encoding="utf-8"))
    images: dict[str, Annotations] = {}

    def pictures() -> Numbers:
        return draw(images, record, profile, sizes)

    record.items.pop("pictures", None)  # the networks need them again
    record.measure("pictures", pictures)
    for number, (system, kernel) in enumerate(sizes.small_runs):
        seconds = record.left / (len(sizes.small_runs) - number)
        record.measure(
            f"{system}, kernel {kernel}",
            lambda system=system, kernel=kernel, seconds=seconds: trained(
                system, kernel, images, record, seconds, profile, device, sizes
            ),
            1,
        )


def draw(images: dict[str, Annotations], record: Record, profile: dict[str, Any], sizes: Sizes) -> Numbers:
    """Draw as many pictures as a share of the time suffices for; those of an earlier call stay."""
    settings = profile["crowdpose"]["scenes"] | {"short_side": sizes.small_side}
    side, workers = settings.pop("short_side"), sizes.workers
    note = record.work / "pictures.json"
    started, counts = time.perf_counter(), dict(zip(("train", "val"), sizes.small_images, strict=True))
    if note.is_file():
        counts = json.loads(note.read_text())
    elif counts["train"] > FIRST:
        drawn.pictures(record.work / "first", {"train": FIRST}, side, workers, **settings)
        each = (
            time.perf_counter() - started
        ) / FIRST  # the start of the processes counts too: a cautious number
        counts["train"] = int(min(counts["train"], max(FIRST, DRAWING * record.left / each)))
    images |= drawn.pictures(record.work / "pictures", counts, side, workers, **settings)
    write_text(note, json.dumps(counts))
    return {**counts, "seconds": time.perf_counter() - started}


def trained(
    system: str,
    kernel: int,
    images: dict[str, Annotations],
    record: Record,
    seconds: float,
    profile: dict[str, Any],
    device: torch.device,
    sizes: Sizes,
) -> Numbers:
    """Train a network for as many of the profile's epochs as fit; go on where an earlier call was cut off.

    Raises:
        Late: the time was over before the last epoch.
    """
    section, until = profile["kernels"], time.monotonic() + seconds
    side, batch = (
        min(section["resolution"], sizes.small_side),
        min(section["batch_size"], len(images["train"])),
    )
    depth = min(profile["recipe"]["depth"], sizes.depth)
    task = drawn.task(images["train"], side, batch, device, sizes.workers, augmented=True)
    model = drawn.network(system, depth, kernel=kernel).to(device)
    name = f"{system}-{kernel}"
    epochs = decided(record.work / f"{name}.json", model, task, seconds, section["epochs"], sizes)
    share = epochs / section["epochs"]
    schedule = Schedule(
        epochs=epochs,
        batch_size=batch,
        learning_rate=section["learning_rate"],
        milestones=[share * milestone for milestone in section["milestones"]],
        warmup_epochs=section["warmup_epochs"],
        decay_epochs=share * section["decay_epochs"],
    )
    due = {round(epochs * point / POINTS) for point in range(1, POINTS + 1)}

    every_epoch = task.batches

    def batches(epoch: int):
        if time.monotonic() > until:  # the state of the last epoch is written
            raise Late(f"after epoch {epoch} of {epochs}: call again")
        return every_epoch(epoch)

    def measure(epoch: int) -> dict[str, float]:
        return precision(model, images["val"], side, device) if epoch in due else {}

    task.batches = batches
    history = fit(
        model,
        task,
        schedule,
        name=name,
        checkpoint_path=record.work / f"{name}.pt",
        fingerprint=f"{name} {epochs} {len(images['train'])}",
        measure=measure,
        log=lambda epoch, row: None,
    )
    curve = list(points(history))
    minutes = sum(row["seconds"] for row in history) / 60
    steps = len(task.batches(0))
    return {
        "epochs": epochs,
        "minutes": minutes,
        "images_per_s": epochs * steps * batch / (60 * minutes),
        "wait_share": history[-1]["wait_share"],
        "loss": history[-1]["loss"],
        **({"AP": curve[-1][1]} if curve else {"AP": "faster_coco_eval is not installed"}),
        "AP by minutes": "; ".join(f"{minute:.2f}: {ap:.1f}" for minute, ap in curve),
    }


def decided(file: Path, model: nn.Module, task: PoseTask, seconds: float, most: int, sizes: Sizes) -> int:
    """Epochs that fit, decided once per training: its learning rate depends on them."""
    most = min(most, sizes.small_epochs)
    if file.is_file():
        return json.loads(file.read_text())
    epoch = epoch_seconds(model, task) if most > 1 else 0.0
    epochs = int(min(most, max(1.0, (1 - LEAVE) * seconds / epoch))) if epoch else most
    write_text(file, json.dumps(epochs))
    return epochs


def epoch_seconds(model: nn.Module, task: PoseTask) -> float:
    """Seconds of an epoch, from a few steps that change no weight."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    few, steps = Few(task), len(task.batches(0))
    for _ in range(2):
        started = time.perf_counter()
        train_one_epoch(model, few, optimizer, scheduler, 0, "timed", PLAIN, PLAIN.scaler(task.device))
        settle(task.device)
        taken = time.perf_counter() - started
    model.load_state_dict(before)  # with the statistics of batch norms
    return taken * steps / len(few)


class Few:
    """The first batches of a task's epoch."""

    compilable = False

    def __init__(self, task: PoseTask):
        self.task = task
        self.loss = task.loss

    def __len__(self) -> int:
        return min(TIMED, len(self.task.batches(0)))

    def __iter__(self) -> Iterator[Any]:
        for _, batch in zip(range(len(self)), self.task.batches(0), strict=False):
            yield batch

    def batches(self, epoch: int) -> "Few":
        return self


def precision(model: nn.Module, images: Annotations, side: int, device: torch.device) -> dict[str, float]:
    """AP in percent; nothing where the evaluator is missing."""
    found = predict(model, images, CROWDPOSE, side, device=device, max_side=1024)
    try:
        return {"AP": 100 * evaluate(images.file, found, CROWDPOSE)["AP"]}
    except ModuleNotFoundError as error:
        if error.name not in EVALUATORS:
            raise
        return {}


def points(history: list[dict[str, float]]) -> Iterator[tuple[float, float]]:
    """Minutes and AP, where it was measured."""
    seconds = 0.0
    for row in history:
        seconds += row["seconds"]
        if "AP" in row:
            yield seconds / 60, row["AP"]
