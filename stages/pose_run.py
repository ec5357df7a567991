"""What every pose training of the pipeline does: train, resume, test, write weights, predictions, metrics."""

import json
import logging
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from litepose import complexity
from litepose.datasets import annotations, manifest
from litepose.datasets.annotations import Annotations
from litepose.datasets.keypoints import Augmentation, KeypointDataset
from litepose.evaluation import evaluate
from litepose.inference import predict
from litepose.models.litepose import Architecture, LitePose
from litepose.models.supernet import Supernet
from litepose.skeletons import Skeleton
from litepose.training import checkpoint, distributed
from litepose.training.losses import PoseLoss
from litepose.training.pose import PoseTask
from stages.common import device, params, write_json
from stages.training_run import History, forget, seconds_of, train


@dataclass(frozen=True)
class KeypointData:
    """A keypoint data set of the run: its skeleton, its section of the parameters, its splits."""

    skeleton: Skeleton
    section: dict[str, Any]
    splits: dict[str, tuple[Path, Path]]

    def load(self, split: str, first: int | None = None) -> Annotations:
        """Annotations of one split, or of its first images."""
        loaded = annotations.load(*self.splits[split], self.skeleton)
        return replace(loaded, images=loaded.images[:first])


def keypoint_data(name: str) -> KeypointData:
    """The data set that the ``dataset`` stage wrote to ``data/<name>``."""
    file = Path("data") / name / "dataset.json"
    return KeypointData(manifest.read_skeleton(file), params()[name], manifest.read(file))


def task_arguments(data: KeypointData, batch_size: int, tags: bool = True) -> dict[str, Any]:
    """What all pose tasks take, with the recipe's augmentation and loss."""
    values = params()
    recipe = values["recipe"]
    training_splits = [data.load(split) for split in data.section["fit"]]
    dataset = KeypointDataset(
        training_splits, data.skeleton, Augmentation(**recipe["augmentation"]), values["seed"]
    )
    if dataset.people_beyond_max:
        logging.info(
            "%d people beyond the %d per image are left out of the tag loss",
            dataset.people_beyond_max,
            dataset.max_people,
        )
    return {
        "dataset": dataset,
        "criterion": PoseLoss(
            recipe["foreground_weight"], recipe["push_weight"], recipe["pull_weight"], tags
        ),
        "batch_size": batch_size,
        "device": device(values["device"]),
        "workers": values["workers"],
    }


def depth() -> float:
    """Share of the published networks' depth that this run trains."""
    return params()["recipe"]["depth"]


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network whose fresh weights depend on the run's seed only, in channels-last layout."""
    torch.manual_seed(params()["seed"])
    return build().to(memory_format=torch.channels_last)


def litepose(architecture: Architecture, data: KeypointData, **options: Any) -> LitePose:
    """A Lite Pose network of the run's depth with fresh weights."""
    return seeded(lambda: LitePose(architecture, data.skeleton.num_joints, depth=depth(), **options))


def inherited(architecture: Architecture, supernet: str, data: KeypointData) -> LitePose:
    """A sub-network with the weights of the trained supernet.

    Where the supernet was trained for another number of joints, the predictions start afresh.
    """
    num_joints = data.skeleton.num_joints
    shared = seeded(lambda: Supernet(num_joints, depth=depth()))
    # The channels of a trained supernet are in order already.
    shared.load_pretrained(load_weights("supernet", supernet), reorder=False)
    return shared.extract(architecture)


def detect(model: nn.Module, images: Annotations, skeleton: Skeleton, resolution: int) -> list[dict]:
    """Detections of a network on annotated images, with the run's settings; processes share the images."""
    values = params()
    settings = values["evaluation"]
    share = replace(images, images=images.images[distributed.rank() :: distributed.processes()])
    detections = predict(
        model,
        share,
        skeleton,
        resolution,
        flip=settings["flip"],
        scales=settings["scales"],
        max_side=settings["max_side"],
        device=device(values["device"]),
        progress=sys.stderr.isatty() and distributed.rank() == 0,
    )
    order = {image.id: position for position, image in enumerate(images)}
    everybodys = [detection for part in distributed.gathered(detections) for detection in part]
    return sorted(everybodys, key=lambda detection: order[detection["image_id"]])


def average_precision(
    model: nn.Module, images: Annotations, skeleton: Skeleton, resolution: int
) -> dict[str, float]:
    """AP and its relatives on some annotated images, in percent of two digits."""
    detections = detect(model, images, skeleton, resolution)
    return percent(judge(images.file, detections, skeleton, [image.id for image in images]))


def judge(
    annotation_file: Path,
    detections: list[dict],
    skeleton: Skeleton,
    image_ids: Collection[int] | None = None,
) -> dict[str, float]:
    """Scores of detections by the evaluator that the run chose for CrowdPose, 0 to 1."""
    evaluator = params()["evaluation"]["crowdpose_evaluator"]
    return evaluate(annotation_file, detections, skeleton, image_ids, evaluator)


def percent(scores: dict[str, float]) -> dict[str, float]:
    """Scores from 0..1 as percentages of two digits."""
    return {name: round(100 * score, 2) for name, score in scores.items()}


def monitor(
    model: nn.Module, data: KeypointData, resolution: int, epochs: int
) -> Callable[[int], dict[str, float]]:
    """What adds a point to the AP curve where one is due, on the first images of the monitored split."""
    settings = params()["evaluation"]
    images = data.load(data.section["monitor"], settings["monitor_images"])

    def measure(epoch: int) -> dict[str, float]:
        if epoch % settings["monitor_every"] and epoch != epochs:
            return {}
        scores = average_precision(model, images, data.skeleton, resolution)
        return {"monitor_AP": scores["AP"], "monitor_AP50": scores["AP50"]}

    return measure


def test(stage: str, run: str, model: nn.Module, data: KeypointData, resolution: int) -> dict[str, float]:
    """AP of a network on the tested splits; the predictions go to ``data/predictions``.

    The first split's scores have their plain names, those of the others end in the split's name.
    """
    scores, predictions = {}, {}
    for position, split in enumerate(data.section["test"]):
        detections = detect(model, data.load(split), data.skeleton, resolution)
        result = percent(judge(data.splits[split][0], detections, data.skeleton))
        logging.info("%s/%s: AP %.1f, AP50 %.1f on %s", stage, run, result["AP"], result["AP50"], split)
        scores |= result if position == 0 else {f"{name}_{split}": value for name, value in result.items()}
        predictions[split] = detections
    if distributed.rank() == 0:
        path = Path("data/predictions") / stage / f"{run}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(predictions))
    return scores


def cost(model: nn.Module, resolution: int) -> dict[str, float]:
    """Size and MACs of the network that was trained, at the resolution it was trained for."""
    counted = complexity.count(model, resolution)
    return {
        "resolution": resolution,
        "params_m": counted["params"] / 1e6,
        "macs_g": counted["macs"] / 1e9,
        "macs_paper_g": counted["macs_paper"] / 1e9,
    }


def write_results(
    stage: str, run: str, model: nn.Module, data: KeypointData, resolution: int, history: History
) -> None:
    """Test a trained network and write its metrics."""
    started = time.perf_counter()
    scores = test(stage, run, model, data, resolution)
    seconds = round(seconds_of(history) + time.perf_counter() - started)
    write_json(
        Path("metrics") / stage / f"{run}.json", {**scores, **cost(model, resolution), "seconds": seconds}
    )
    forget(stage, run)


def train_and_test(
    stage: str,
    run: str,
    model: nn.Module,
    section: dict[str, Any],
    resolution: int,
    data: KeypointData,
    task: PoseTask | None = None,
) -> None:
    """Train a pose network, test it, and write everything that a pose stage declares."""
    task = task or PoseTask(resolution=resolution, **task_arguments(data, section["batch_size"]))
    measure = monitor(model, data, resolution, section["epochs"])
    history = train(stage, run, model, task, section, measure)
    save_weights(stage, run, model)
    write_results(stage, run, model, data, resolution, history)


def save_weights(stage: str, run: str, model: nn.Module) -> None:
    """Write a network's state dict to ``data/models``."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    checkpoint.save(Path("data/models") / stage / f"{run}.pt", weights)


def load_weights(stage: str, run: str) -> dict[str, Tensor]:
    """State dict that :func:`save_weights` wrote."""
    return checkpoint.load(Path("data/models") / stage / f"{run}.pt")


def found_architecture(run: str) -> tuple[Architecture, int]:
    """Channel widths and resolution that a search found."""
    found = json.loads((Path("data/search") / f"{run}.json").read_text())
    return Architecture(found["stem"], tuple(found["stages"]), tuple(found["deconv"])), found["resolution"]
