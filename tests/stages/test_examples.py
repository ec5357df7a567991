"""What networks see in a few test images, for Figure 5."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from litepose import models
from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.models import weights
from report.examples import read
from report.pictured import choose
from report.runs import figure5
from stages import examples
from stages.lib.common.data import keypoint_data
from support import stage_project


@pytest.fixture
def networks(project, values):
    """Weights of the networks that the figure shows."""
    for number, run in enumerate(figure5(values["kernels"]["runs"]).values()):
        torch.manual_seed(number)
        network = models.create("litepose-xs", depth=0.1)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter *= 2  # that its heatmaps reach the height at which people are found
        weights.save(Path("data/models") / run / "0.pt", network, CROWDPOSE, 64)
    return figure5(values["kernels"]["runs"])


def test_every_network_is_shown_in_the_same_images(networks, values):
    stage_project.run(examples, values)
    found = read(Path("data/examples.npz"))
    assert len(found) == examples.IMAGES
    for example in found:
        height, width = example.image.shape[:2]
        assert set(example.predictions) == set(networks)
        for prediction in example.predictions.values():
            assert prediction.heatmap.shape == (height, width)
            assert prediction.people.shape[1:] == (14, 3)
            assert len(prediction.people) <= len(example.truth)
        assert all(len(prediction.people) for prediction in example.predictions.values())
    assert len({prediction.heatmap.tobytes() for prediction in found[0].predictions.values()}) == len(
        networks
    )


def test_the_same_weights_give_the_same_bytes(networks, values):
    stage_project.run(examples, values)
    first = Path("data/examples.npz").read_bytes()
    stage_project.run(examples, values)
    assert Path("data/examples.npz").read_bytes() == first


def test_the_evaluation_does_not_change_them(networks, values):
    stage_project.run(examples, values)
    first = read(Path("data/examples.npz"))
    values["evaluation"] |= {"flip": False, "scales": [0.5, 1.0]}
    stage_project.run(examples, values)
    for before, after in zip(first, read(Path("data/examples.npz")), strict=True):
        for name, prediction in before.predictions.items():
            assert np.array_equal(prediction.heatmap, after.predictions[name].heatmap)


def test_a_network_that_was_not_trained_is_named(project, values):
    with pytest.raises(InputError, match=r"data/models/kernels/3 holds no weights"):
        stage_project.run(examples, values)


def with_people(record, count, labelled=14):
    keypoints = np.zeros((count, 14, 3))
    keypoints[:, :labelled, 2] = 2
    return replace(record, keypoints=keypoints, iscrowd=np.zeros(count, bool))


def test_images_with_several_people_come_first(project, values):
    record = keypoint_data("crowdpose", values).load("test").images[0]
    images = [
        replace(with_people(record, count, labelled), id=number)
        for number, (count, labelled) in enumerate([(0, 14), (1, 14), (2, 14), (3, 6), (4, 7), (1, 14)])
    ]
    assert [image.id for image in choose(images, 3)] == [2, 4, 1]
