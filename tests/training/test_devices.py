"""No training step mixes devices: it runs on one that holds no values, where any other tensor is refused."""

import pytest
import torch

from litepose.core.skeletons import CROWDPOSE
from litepose.inference import forward_test
from support.parallel_training import kinds, write_images

ELSEWHERE = torch.device("meta")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("images")
    write_images(directory)
    return directory


@pytest.mark.parametrize("kind", ["pose", "supernet", "distillation", "classification"])
def test_a_step_computes_on_the_networks_device_alone(directory, kind):
    model, task = kinds(directory, ELSEWHERE)[kind]
    loss, parts = task.loss(model, next(iter(task.batches(0))), 0, 0)
    loss.backward()
    assert {value.device.type for value in (loss, *parts.values())} == {"meta"}
    assert all(parameter.grad.device.type == "meta" for parameter in model.parameters())


def test_a_batch_left_on_the_processor_is_refused(directory):
    model, task = kinds(directory, ELSEWHERE)["pose"]
    task.device = torch.device("cpu")
    with pytest.raises(RuntimeError, match="device"):
        task.loss(model, next(iter(task.batches(0))), 0, 0)


def test_the_flip_test_stays_on_the_networks_device(directory):
    model, task = kinds(directory, ELSEWHERE)["pose"]
    (images,) = task.views(64)
    heatmaps, tags = forward_test(model.eval(), images, CROWDPOSE)
    assert heatmaps.device.type == tags.device.type == "meta"
