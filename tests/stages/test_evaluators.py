"""The evaluators of a supernet: one per device, on the images and with the settings of the search."""

import pytest
import torch

from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.models import weights
from litepose.models.supernet import Supernet
from stages import search
from stages.lib.common.data import keypoint_data
from stages.lib.nas.evaluators import evaluators

CPU = torch.device("cpu")


@pytest.fixture
def supernet(project):
    """The weights of a supernet for squares of 64 px."""
    torch.manual_seed(0)
    network = Supernet(CROWDPOSE.num_joints, depth=0.1)
    weights.save(project / "data/models/supernet/lms/0.pt", network, CROWDPOSE, 64)
    return network


def made(values, devices, **section):
    data = keypoint_data("crowdpose", values)
    return evaluators("lms", data, {**values["search"], **section}, devices, values)


def test_evaluators_share_the_first_images_of_val(supernet, values):
    first, second = made(values, [CPU, CPU], images=3)
    assert first.images is second.images
    assert first.supernet is not second.supernet
    expected = keypoint_data("crowdpose", values).load("val", 3)
    assert [image.id for image in first.images.annotations] == [image.id for image in expected]
    assert first.images.annotations.file == expected.file


def test_the_flip_test_is_that_of_the_search_and_not_of_the_evaluation(supernet, values):
    values["search"]["flip"], values["evaluation"]["flip"] = False, True
    (evaluator,) = made(values, [CPU])
    assert not evaluator.flip


def test_batch_norm_statistics_are_estimated_on_so_many_training_images(supernet, values):
    (evaluator,) = made(values, [CPU], calibration_images=5)
    assert sum(len(part) for part in evaluator.images.views(48)) == 5


def test_the_weights_are_those_of_the_run_s_seed(supernet, values):
    (evaluator,) = made(values, [CPU])
    for name, tensor in evaluator.supernet.state_dict().items():
        assert torch.equal(tensor, supernet.state_dict()[name]), name
    values["seed"] = 1
    with pytest.raises(InputError, match=r"supernet/lms/1\.pt is missing"):
        made(values, [CPU])


def test_with_auto_all_gpus_evaluate_and_else_the_one_that_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert search.devices("auto") == [torch.device("cuda", 0), torch.device("cuda", 1)]
    assert search.devices("cpu") == [CPU]
