"""No training step mixes devices: it runs on one that holds no values, where any other tensor is refused."""

import pytest
import torch
from parallel_training import litepose, pose_arguments, write_images

from litepose.datasets.classification import ClassificationDataset
from litepose.inference import forward_test
from litepose.models.litepose import ARCHITECTURES, LitePoseClassifier
from litepose.models.supernet import Supernet
from litepose.nas.oneshot import SupernetTask
from litepose.nas.space import SearchSpace
from litepose.skeletons import CROWDPOSE
from litepose.training.classification import ClassificationTask
from litepose.training.pose import DistillationTask, PoseTask

ELSEWHERE = torch.device("meta")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("images")
    write_images(directory)
    return directory


def pose_task(directory, build=PoseTask, **rest):
    return build(resolution=64, **pose_arguments(directory) | {"device": ELSEWHERE}, **rest)


def supernet_task(directory):
    space = SearchSpace((1.0, 0.5), (64,))
    return SupernetTask(space, **pose_arguments(directory) | {"device": ELSEWHERE})


def distillation(directory):
    teaching = {"teacher": litepose().eval().to(ELSEWHERE), "teacher_resolution": 128, "weight": 1.0}
    return pose_task(directory, DistillationTask, **teaching)


def classification(directory):
    return ClassificationTask(ClassificationDataset(directory, "train"), 64, 4, ELSEWHERE, 0)


KINDS = {
    "pose": (litepose, pose_task),
    "supernet": (lambda: Supernet(CROWDPOSE.num_joints, depth=0.1), supernet_task),
    "distillation": (litepose, distillation),
    "classification": (lambda: LitePoseClassifier(ARCHITECTURES["xs"], 2, depth=0.2), classification),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_computes_on_the_networks_device_alone(directory, kind):
    build, build_task = KINDS[kind]
    model, task = build().to(ELSEWHERE), build_task(directory)
    loss, parts = task.loss(model, next(iter(task.batches(0))), 0, 0)
    loss.backward()
    assert {value.device.type for value in (loss, *parts.values())} == {"meta"}
    assert all(parameter.grad.device.type == "meta" for parameter in model.parameters())


def test_a_batch_left_on_the_processor_is_refused(directory):
    task = pose_task(directory)
    task.device = torch.device("cpu")
    with pytest.raises(RuntimeError, match="device"):
        task.loss(litepose().to(ELSEWHERE), next(iter(task.batches(0))), 0, 0)


def test_the_flip_test_stays_on_the_networks_device(directory):
    (images,) = pose_task(directory).views(64)
    heatmaps, tags = forward_test(litepose().eval().to(ELSEWHERE), images, CROWDPOSE)
    assert heatmaps.device.type == tags.device.type == "meta"
