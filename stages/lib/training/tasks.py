"""What a training's network learns: its images, targets and losses."""

import functools
import logging
from typing import Any, NamedTuple

import torch

from litepose.core.skeletons import Skeleton
from litepose.datasets.keypoints import KeypointDataset
from litepose.models import weights
from litepose.training.classification import ClassificationTask
from litepose.training.losses import PoseLoss
from litepose.training.pose import DistillationTask, PoseTask
from litepose.training.supernet import SupernetTask
from litepose.training.task import ImageTask
from stages.lib.common.data import KeypointData, classification_data, keypoint_data
from stages.lib.common.parameters import Values
from stages.lib.common.running import device
from stages.lib.training.training import CLASSIFICATION, Teacher, Training, recipe


class Learning(NamedTuple):
    """What a network learns, and what it has to predict.

    Attributes:
        task: the batches and the loss.
        outputs: joints, or classes.
        skeleton: the joints; None for classes.
    """

    task: ImageTask
    outputs: int
    skeleton: Skeleton | None


def learning(training: Training, values: Values, seed: int) -> Learning:
    """What a training with one seed learns."""
    place, batch_size = device(values["device"]), training.schedule.batch_size
    if training.data == CLASSIFICATION:
        images = classification_data(values, "train", seed)
        task = ClassificationTask(images, training.resolution, batch_size, place, values["workers"])
        return Learning(task, len(images.classes), None)
    data = keypoint_data(training.data, values)
    shared = pose_arguments(data, values, batch_size, seed, place, training.tags)
    return Learning(_pose_task(training, shared), data.skeleton.num_joints, data.skeleton)


def _pose_task(training: Training, shared: dict[str, Any]) -> PoseTask:
    if training.space:
        return SupernetTask(training.space, **shared)
    if training.teacher:
        return _distillation(training.teacher, shared["device"])(resolution=training.resolution, **shared)
    return PoseTask(resolution=training.resolution, **shared)


def pose_arguments(
    data: KeypointData, values: Values, batch_size: int, seed: int, place: torch.device, tags: bool = True
) -> dict[str, Any]:
    """What all pose tasks take."""
    shared, splits = recipe(values), [data.load(split) for split in data.fit]
    dataset = KeypointDataset(splits, data.skeleton, shared.augmentation, seed)
    if dataset.people_beyond_max:
        logging.info(
            "%d people beyond the %d per image are left out of the tag loss",
            dataset.people_beyond_max,
            dataset.max_people,
        )
    return {
        "dataset": dataset,
        "criterion": PoseLoss(shared.foreground_weight, shared.push_weight, shared.pull_weight, tags),
        "batch_size": batch_size,
        "device": place,
        "workers": values["workers"],
    }


def calibration(data: KeypointData, values: Values, images: int, resolution: int) -> PoseTask:
    """What gives that many training images, on the CPU, to estimate batch-norm statistics on."""
    arguments = pose_arguments(data, values, images, values["seed"], torch.device("cpu"))
    return PoseTask(resolution=resolution, **arguments)


def _distillation(teacher: Teacher, place: torch.device) -> functools.partial[DistillationTask]:
    taught_by = weights.load(teacher.weights)
    return functools.partial(
        DistillationTask,
        teacher=taught_by.model.to(place),
        teacher_resolution=taught_by.input_size,
        weight=teacher.weight,
    )
