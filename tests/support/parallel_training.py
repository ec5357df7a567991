"""Small trainings that tests run in one process and in two: parallel_training.py DIRECTORY MODE..."""

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import torch
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from litepose.core import distributed
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import annotations
from litepose.datasets.classification import ClassificationDataset
from litepose.datasets.keypoints import Augmentation, KeypointDataset
from litepose.models.litepose import ARCHITECTURES, LitePose, LitePoseClassifier
from litepose.models.space import SearchSpace
from litepose.models.supernet import Supernet
from litepose.training import checkpoint
from litepose.training.classification import ClassificationTask
from litepose.training.loop import Watch, backward, fit
from litepose.training.losses import PoseLoss
from litepose.training.pose import DistillationTask, PoseTask
from litepose.training.schedule import Schedule
from litepose.training.step import StepOptions
from litepose.training.supernet import SupernetTask
from stages.lib.common.parameters import Values
from stages.lib.common.running import run_stage
from support import pose_data

CPU = torch.device("cpu")
SCHEDULE = Schedule(epochs=2, batch_size=4, learning_rate=0.008, milestones=(), warmup_epochs=0.5)


class PoisonedTask(PoseTask):
    """The second process meets a loss that is not finite."""

    def loss(self, model, batch, epoch, step):
        loss, parts = super().loss(model, batch, epoch, step)
        return loss * (torch.nan if distributed.rank() == 1 else 1), parts


class KilledTask(PoseTask):
    """Stops all processes in the second epoch."""

    def batches(self, epoch):
        if epoch == 1:
            sys.exit(1)
        return super().batches(epoch)


TASKS = {"whole": PoseTask, "diverged": PoisonedTask, "killed": KilledTask}


def write_images(directory: Path) -> None:
    """Eight images of one person each, and the same in two classes."""
    joints = torch.rand(8, CROWDPOSE.num_joints, 2, generator=torch.Generator().manual_seed(0)) * 100 + 10
    people = [
        pose_data.person(CROWDPOSE, [(*place, 2) for place in places.tolist()], image)
        for image, places in enumerate(joints, 1)
    ]
    _, images = pose_data.write(directory, pose_data.content(CROWDPOSE, people, ((120, 120),) * 8))
    for label, share in (("bird", "[1-4].png"), ("cat", "[5-8].png")):
        (directory / "train" / label).mkdir(parents=True)
        for image in images.glob(share):
            shutil.copy(image, directory / "train" / label)


def pose_arguments(directory: Path) -> dict:
    """What the pose tasks take."""
    images = annotations.load(directory / "people.json", directory / "images", CROWDPOSE)
    dataset = KeypointDataset([images], CROWDPOSE, Augmentation(), 0)
    return {"criterion": PoseLoss(), "dataset": dataset, "batch_size": 4, "device": CPU, "workers": 0}


def litepose() -> LitePose:
    """A small network that is the same in every process."""
    torch.manual_seed(0)
    return LitePose(ARCHITECTURES["xs"], CROWDPOSE.num_joints, depth=0.2)


def train(directory: Path, mode: str) -> None:
    """Train two epochs; the first process writes losses and weights, all say who wrote."""
    model = litepose()
    task = TASKS[mode](resolution=64, **pose_arguments(directory))
    history = fit(
        model,
        task,
        SCHEDULE,
        name="small",
        checkpoint_path=directory / f"{distributed.processes()}.pt",
        fingerprint="same",
        measure=lambda epoch: {},
        log=lambda epoch, row: None,
    )
    losses = [row["loss"] for row in history]
    (directory / f"losses-{distributed.rank()}.json").write_text(json.dumps(losses))
    checkpoint.save(directory / f"weights-{distributed.rank()}.pt", model.state_dict())


def kinds(directory: Path, device: torch.device = CPU) -> dict:
    """Network and task of every kind of training."""
    arguments = pose_arguments(directory) | {"device": device}
    torch.manual_seed(0)
    classifier = LitePoseClassifier(ARCHITECTURES["xs"], 2, depth=0.2)
    supernet = Supernet(CROWDPOSE.num_joints, depth=0.1)
    space = SearchSpace((1.0, 0.5), (64,))
    teaching = {"teacher": litepose().eval().to(device), "teacher_resolution": 128, "weight": 1.0}
    images = ClassificationDataset(directory, "train")
    pairs = {
        "pose": (litepose(), PoseTask(resolution=64, **arguments)),
        "supernet": (supernet, SupernetTask(space, **arguments)),
        "distillation": (litepose(), DistillationTask(**teaching, resolution=64, **arguments)),
        "classification": (classifier, ClassificationTask(images, 64, 4, device, 0)),
    }
    return {kind: (model.to(device), task) for kind, (model, task) in pairs.items()}


def steps(directory: Path) -> dict:
    """What one step of every kind of training gives."""
    pairs = kinds(directory)
    _, pose = pairs["pose"]
    results = {kind: one_step(model, task) for kind, (model, task) in pairs.items()}
    results["pose in two parts"] = one_step(litepose(), pose, parts=2)
    # Traced as always, but not translated to C++, which takes a compiler and a minute.
    traced = partial(torch.compile, backend="aot_eager")
    results["compiled pose"] = one_step(litepose(), pose, translate=traced)
    with mock.patch.object(distributed, "SynchronisedBatchNorm", nn.BatchNorm2d):
        results["pose without shared statistics"] = one_step(litepose(), pose)
    return results


def one_step(
    model: nn.Module,
    task: PoseTask | ClassificationTask,
    parts: int = 1,
    translate: Callable[[nn.Module], nn.Module] = lambda model: model,
) -> dict:
    """Mean losses, gradient and batch statistics of the first batch, and the number of exchanges."""
    exchanged, options = [], StepOptions(accumulate_grad=parts)

    def counted(_state, bucket):
        exchanged.append(bucket.index())
        return allreduce_hook(None, bucket)

    with distributed.parallel(model, translate(model)) as trained:
        if distributed.active():
            trained.register_comm_hook(None, counted)
        batch = next(iter(task.batches(0)))
        losses = backward(trained, task, batch, 0, 0, options, options.scaler(CPU), Watch("one step"))
    means = distributed.averaged({name: value.item() for name, value in losses.items()})
    return {
        "losses": torch.tensor([means[name] for name in sorted(means)]),
        "gradient": torch.cat([parameter.grad.flatten() for parameter in model.parameters()]),
        "statistics": torch.cat(
            [value.flatten() for name, value in model.named_buffers() if "running" in name]
        ),
        "exchanges": len(exchanged),
    }


def main(_values: Values) -> None:
    """Train in each of the modes named; "steps" writes what single steps give."""
    directory = Path(sys.argv[1])
    for mode in sys.argv[2:]:
        if mode == "steps":
            checkpoint.save(directory / "steps.pt", steps(directory))
        else:
            train(directory, mode)


if __name__ == "__main__":
    run_stage(main)
