"""A small training that tests run in one process and in two: parallel_training.py DIRECTORY MODE."""

import json
import sys
from pathlib import Path

import pose_data
import torch

from litepose.datasets import annotations
from litepose.datasets.keypoints import Augmentation, KeypointDataset
from litepose.models.litepose import ARCHITECTURES, LitePose
from litepose.skeletons import CROWDPOSE
from litepose.training import checkpoint, distributed
from litepose.training.loop import fit
from litepose.training.losses import PoseLoss
from litepose.training.pose import PoseTask
from litepose.training.schedule import Schedule
from stages.common import run_stage

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
    """Eight images of one person each."""
    joints = torch.rand(8, CROWDPOSE.num_joints, 2, generator=torch.Generator().manual_seed(0)) * 100 + 10
    people = [
        pose_data.person(CROWDPOSE, [(*place, 2) for place in places.tolist()], image)
        for image, places in enumerate(joints, 1)
    ]
    pose_data.write(directory, pose_data.content(CROWDPOSE, people, ((120, 120),) * 8))


def train(directory: Path, mode: str) -> None:
    """Train two epochs; the first process writes losses and weights, all say who wrote."""
    torch.manual_seed(0)
    images = annotations.load(directory / "people.json", directory / "images", CROWDPOSE)
    dataset = KeypointDataset([images], CROWDPOSE, Augmentation(), 0)
    model = LitePose(ARCHITECTURES["xs"], CROWDPOSE.num_joints, depth=0.2)
    task = TASKS[mode](
        criterion=PoseLoss(),
        dataset=dataset,
        resolution=64,
        batch_size=4,
        device=torch.device("cpu"),
        workers=0,
    )
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


if __name__ == "__main__":
    run_stage(lambda: train(Path(sys.argv[1]), sys.argv[2]))
