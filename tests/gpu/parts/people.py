"""Part 2: decoding, evaluation and the estimator on the device give the processor's people."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import litepose
from gpu import drawn, trainings
from gpu.parts.steps import matrix_precision
from gpu.record import Numbers, Record, Within
from gpu.sizes import Sizes
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets.annotations import Annotations
from litepose.evaluation import evaluate
from litepose.inference import forward_test, predict
from litepose.inference.grouping import group
from litepose.models import weights
from litepose.training.loop import fit
from litepose.training.schedule import Schedule
from support import perfect_network

SAME = 0.5  # px: joints of one person as two devices find them
UNMATCHED = 0.02  # share of the people; rounding moves a peak across a threshold now and then
MAPS = 1e-3  # error of heatmaps and tags, as a share of their length
AP_DIFFERENCE = 0.5
BATCH = 8


def run(record: Record, device: torch.device, sizes: Sizes) -> None:
    """Measure all items."""
    with tempfile.TemporaryDirectory() as folder, matrix_precision(tf32=False):
        place = Path(folder)
        images = drawn.pictures(place, {"train": sizes.pictures}, sizes.picture_side, sizes.workers)["train"]
        record.measure("grouping of perfect maps", lambda: perfect(images, device, sizes))
        record.measure("fitted network", lambda: fitted(images, place / "weights.pt", device, sizes))
        if not (place / "weights.pt").is_file():  # it was fitted before an interruption
            fitted(images, place / "weights.pt", device, sizes)
        network = weights.load(place / "weights.pt").model
        record.measure("maps", lambda: maps(network, images, device, sizes))
        record.measure("people", lambda: people(network, images, device, sizes))
        record.measure("estimator", lambda: estimator(place / "weights.pt", images, device))
        record.measure("AP", lambda: precision(network, images, device, sizes))


def perfect(images: Annotations, device: torch.device, sizes: Sizes) -> Numbers:
    """People grouped from drawn heatmaps, which are the same numbers on both."""
    difference, count = 0.0, 0
    for record in images:
        people = [{"keypoints": joints.ravel().tolist()} for joints in record.keypoints]
        resizing = litepose.inference.Resizing.fit(record.width, record.height, sizes.picture_side)
        joints = perfect_network.on_map(people, resizing)
        given = perfect_network.maps(joints, resizing.width, resizing.height)
        ((here, here_scores),) = group(*given)
        ((there, there_scores),) = group(*(tensor.to(device) for tensor in given))
        if here.shape != there.shape:
            raise ValueError(f"{len(there)} people, not {len(here)}")
        count += len(here)
        differences = [np.abs(there - here).max(initial=0), np.abs(there_scores - here_scores).max(initial=0)]
        difference = float(np.max([difference, *differences]))
    return {"people": count, "largest_difference": Within(difference, 1e-3)}


def fitted(images: Annotations, file: Path, device: torch.device, sizes: Sizes) -> Numbers:
    """Fit a network on the device to pictures that it is shown unchanged, until it finds their people."""
    network = drawn.network("litepose-xs", sizes.depth).to(device)
    task = drawn.task(
        images, sizes.picture_side, min(BATCH, len(images)), device, sizes.workers, augmented=False
    )
    history = fit(
        network,
        task,
        Schedule(sizes.fit_epochs, 32, 0.004, milestones=(), warmup_epochs=1),
        name="fitted",
        checkpoint_path=file.with_name("fitting.pt"),
        fingerprint="",
        measure=lambda epoch: {},
        log=lambda epoch, row: None,
    )
    weights.save(file, network, CROWDPOSE, sizes.picture_side)
    first, last = history[0]["loss"], history[-1]["loss"]
    return {"first_loss": first, "last_loss": Within(last, 0.9 * first)}


def both(function, network: nn.Module, device: torch.device):
    """What a function of a network and its device gives on the processor, and on the device."""
    cpu = torch.device("cpu")
    here = function(network.to(cpu), cpu)
    return here, function(network.to(device), device)


@torch.no_grad()
def maps(network: nn.Module, images: Annotations, device: torch.device, sizes: Sizes) -> Numbers:
    """Heatmaps and tags with the flip test."""
    task = drawn.task(
        images, sizes.picture_side, min(BATCH, len(images)), torch.device("cpu"), 0, augmented=False
    )
    (views, *_) = task.views(sizes.picture_side)
    here, there = both(
        lambda model, place: forward_test(model.eval(), views.to(place), CROWDPOSE), network, device
    )
    return {
        name: Within(trainings.error(found.cpu(), expected), MAPS)
        for name, found, expected in zip(("heatmaps", "tags"), there, here, strict=True)
    }


def people(network: nn.Module, images: Annotations, device: torch.device, sizes: Sizes) -> Numbers:
    """People in pictures."""
    here, there = both(lambda model, place: detected(model, images, place, sizes), network, device)
    return compared(here, there)


def detected(network: nn.Module, images: Annotations, device: torch.device, sizes: Sizes) -> list[dict]:
    """COCO results."""
    return predict(network, images, CROWDPOSE, sizes.picture_side, device=device)


def compared(here: list[dict], there: list[dict]) -> Numbers:
    """How many people one of the two lacks, as a share.

    Raises:
        ValueError: nobody was found.
    """
    if not here:
        raise ValueError("nobody was found")
    others = dict(drawn.people_by_image(there))
    matched = 0
    for image, own in drawn.people_by_image(here):
        waiting = [joints(person) for person in others.get(image, [])]
        for person in map(joints, own):
            same = [number for number, other in enumerate(waiting) if alike(person, other)]
            if same:
                waiting.pop(same[0])
                matched += 1
    lacking = len(here) + len(there) - 2 * matched
    return {"people": len(here), "unmatched": Within(lacking / (len(here) + len(there)), UNMATCHED)}


def joints(person: dict) -> np.ndarray:
    """[J, 3]: x, y, score."""
    return np.array(person["keypoints"], float).reshape(-1, 3)


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two devices found the same person."""
    return bool(np.abs(one[:, :2] - other[:, :2]).max() < SAME)


def estimator(file: Path, images: Annotations, device: torch.device) -> Numbers:
    """People as the public face gives them: from files and from arrays, one image and several."""
    given = [record.path if number % 2 else record.read() for number, record in enumerate(images)][:BATCH]
    here = litepose.load(file, device="cpu")(given)
    found = litepose.load(file, device=str(device))
    there = [*found(given[:-1]), found(given[-1])]
    return compared(results(here), results(there))


def results(images: list) -> list[dict]:
    """COCO results of an estimator's people."""
    return [
        {"image_id": number, "keypoints": keypoints.ravel().tolist()}
        for number, people in enumerate(images)
        for keypoints in people.keypoints
    ]


def precision(network: nn.Module, images: Annotations, device: torch.device, sizes: Sizes) -> Numbers:
    """AP of the people that either finds."""
    here, there = (
        100 * evaluate(images.file, found, CROWDPOSE)["AP"]
        for found in both(lambda model, place: detected(model, images, place, sizes), network, device)
    )
    return {"AP_processor": here, "AP": there, "difference": Within(abs(here - there), AP_DIFFERENCE)}
