"""What every pose training of the pipeline does: train, resume, test, write weights, predictions, metrics."""

import json
import logging
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

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
from stages import seeds
from stages.common import device, params
from stages.training_run import forget, seconds_of, train


@dataclass(frozen=True)
class KeypointData:
    """A keypoint data set of the run: its skeleton, its section of the parameters, its splits."""

    skeleton: Skeleton
    section: dict[str, Any]
    splits: dict[str, tuple[Path, Path]]

    def load(self, split: str, first: int | None = None) -> Annotations:
        """Annotations of one split, or of its first images."""
        loaded = annotations.load(*self.splits[split], self.skeleton, self.section["max_pixels"])
        return replace(loaded, images=loaded.images[:first])


def keypoint_data(name: str) -> KeypointData:
    """The data set that the ``dataset`` stage wrote to ``data/<name>``."""
    file = Path("data") / name / "dataset.json"
    return KeypointData(manifest.read_skeleton(file), params()[name], manifest.read(file))


def task_arguments(
    data: KeypointData, batch_size: int, tags: bool = True, seed: int | None = None
) -> dict[str, Any]:
    """What all pose tasks take, with the recipe's augmentation and loss; by default with the run's seed."""
    values = params()
    recipe = values["recipe"]
    training_splits = [data.load(split) for split in data.section["fit"]]
    chosen = values["seed"] if seed is None else seed
    dataset = KeypointDataset(training_splits, data.skeleton, Augmentation(**recipe["augmentation"]), chosen)
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


def seeded(build: Callable[[], nn.Module], seed: int | None = None) -> nn.Module:
    """Build a network whose fresh weights depend on a seed only (by default the run's), channels last."""
    torch.manual_seed(params()["seed"] if seed is None else seed)
    return build().to(memory_format=torch.channels_last)


def litepose(
    architecture: Architecture, data: KeypointData, seed: int | None = None, **options: Any
) -> LitePose:
    """A Lite Pose network of the run's depth with fresh weights."""
    return seeded(lambda: LitePose(architecture, data.skeleton.num_joints, depth=depth(), **options), seed)


def inherited(
    architecture: Architecture, supernet: str, data: KeypointData, seed: int | None = None
) -> LitePose:
    """A sub-network with the weights of the trained supernet.

    Where the supernet was trained for another number of joints, the predictions start afresh.
    """
    num_joints = data.skeleton.num_joints
    shared = seeded(lambda: Supernet(num_joints, depth=depth()), seed)
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


class Tested(NamedTuple):
    """A network on the tested splits: its scores in percent, its detections by split.

    The first split's scores have their plain names, those of the others end in the split's name.
    """

    scores: dict[str, float]
    detections: dict[str, list[dict]]


def test(title: str, model: nn.Module, data: KeypointData, resolution: int) -> Tested:
    """Test a network on the splits that the parameters name."""
    scores, found = {}, {}
    for position, split in enumerate(data.section["test"]):
        detections = detect(model, data.load(split), data.skeleton, resolution)
        result = percent(judge(data.splits[split][0], detections, data.skeleton))
        logging.info("%s: AP %.1f, AP50 %.1f on %s", title, result["AP"], result["AP50"], split)
        ending = f"_{split}" if position else ""
        scores |= {f"{name}{ending}": value for name, value in result.items()}
        found[split] = detections
    return Tested(scores, found)


def cost(model: nn.Module, resolution: int) -> dict[str, float]:
    """Size and true MACs of the network that was trained, at the resolution it was trained for."""
    counted = complexity.count(model, resolution)
    return {
        "resolution": resolution,
        "params_m": round(counted["params"] / 1e6, 3),
        "macs_g": round(counted["macs"] / 1e9, 4),
    }


def write_results(
    stage: str,
    run: str,
    tested: dict[int, Tested],
    model: nn.Module,
    data: KeypointData,
    resolution: int,
    seconds: float,
) -> None:
    """Write predictions, scores and metrics of a run.

    Args:
        tested: its trainings by their seeds.
        model: one of the networks, whose cost is that of all.
        seconds: that all trainings and tests took.
    """
    others = (f"AP_{split}" for split in data.section["test"][1:])
    seeds.write(
        stage,
        run,
        {seed: result.scores for seed, result in tested.items()},
        {seed: result.detections for seed, result in tested.items()},
        ("AP", "AP50", "AP75", *others),
        {**cost(model, resolution), "seconds": round(seconds)},
    )


def train_and_test(
    stage: str,
    run: str,
    build: Callable[[int], nn.Module],
    section: dict[str, Any],
    resolution: int,
    data: KeypointData,
    task_of: Callable[..., PoseTask] = PoseTask,
) -> None:
    """Train a pose network once per seed, test it, and write everything that a pose stage declares.

    Weights and curves are those of the first seed. A finished training keeps its state until all are
    finished: a killed stage repeats none.

    Args:
        build: the network as a training with that seed starts from it.
        task_of: what it learns, given a resolution and :func:`task_arguments`.
    """
    tested, seconds = {}, 0.0
    for seed in (chosen := seeds.seeds()):
        model = build(seed)
        task = task_of(resolution=resolution, **task_arguments(data, section["batch_size"], seed=seed))
        measure = monitor(model, data, resolution, section["epochs"])
        first = seed == chosen[0]
        history = train(stage, run, model, task, section, measure, seed, curves=first)
        if first:
            save_weights(stage, run, model)
        started = time.perf_counter()
        tested[seed] = test(f"{stage}/{run}/{seed}", model, data, resolution)
        seconds += seconds_of(history) + time.perf_counter() - started
    write_results(stage, run, tested, model, data, resolution, seconds)
    for seed in chosen:
        forget(stage, run, seed)


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
