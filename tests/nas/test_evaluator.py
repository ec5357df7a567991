"""Sub-networks are evaluated on shared images, each with batch-norm statistics of its own."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import annotations
from litepose.datasets.augmentation import Augmentation
from litepose.datasets.keypoints import KeypointDataset
from litepose.evaluation import evaluate
from litepose.inference import predict
from litepose.models.litepose import ARCHITECTURES
from litepose.models.space import Configuration
from litepose.models.supernet import Supernet
from litepose.nas import evaluator as module
from litepose.nas.calibration import recalibrate
from litepose.nas.evaluator import Evaluator, SharedImages
from litepose.training.losses import PoseLoss
from litepose.training.pose import PoseTask
from support import pose_data

XS = Configuration(ARCHITECTURES["xs"], 48)
CPU = torch.device("cpu")


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Three of four noise images with one person each; all four are there for calibration."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    joints = np.random.default_rng(0).uniform(10, 100, (4, 14, 3)).round()
    joints[..., 2] = 2
    people = [pose_data.person(CROWDPOSE, one, number) for number, one in enumerate(joints, 1)]
    split = pose_data.write(tmp_path, pose_data.content(CROWDPOSE, people, sizes=[(160, 120)] * 4))
    loaded = annotations.load(*split, CROWDPOSE)
    calibration = PoseTask(
        criterion=PoseLoss(),
        dataset=KeypointDataset([loaded], CROWDPOSE, Augmentation(), 0),
        resolution=64,
        batch_size=4,
        device=CPU,
        workers=0,
    )
    return SharedImages(replace(loaded, images=loaded.images[:3]), calibration, max_side=512)


@pytest.fixture
def evaluator(images):
    torch.manual_seed(0)
    supernet = Supernet(CROWDPOSE.num_joints, depth=0.1).eval()
    return Evaluator(supernet, images, CROWDPOSE, CPU, flip=True)


def statistics(network):
    return {name: tensor for name, tensor in network.state_dict().items() if "running" in name}


def test_images_are_decoded_once_for_all_networks_and_give_the_same_detections(images, evaluator, tmp_path):
    network = evaluator.network(XS).eval()
    prepared = images.prepared(48)
    assert images.prepared(48) is prepared
    assert images.prepared(80) is not prepared
    shutil.rmtree(tmp_path / "images")
    again = predict(network, prepared, CROWDPOSE)
    assert again == predict(network, images.prepared(48), CROWDPOSE)
    assert {found["image_id"] for found in again} <= {1, 2, 3}


def test_prepared_images_give_what_annotated_ones_give(images, evaluator):
    network = evaluator.network(XS).eval()
    direct = predict(network, images.annotations, CROWDPOSE, 48)
    assert predict(network, images.prepared(48), CROWDPOSE) == direct


def test_calibration_views_are_made_once_per_resolution(images):
    assert images.views(48) is images.views(48)
    assert [tuple(part.shape) for part in images.views(48)] == [(4, 3, 48, 48)]
    assert [tuple(part.shape) for part in images.views(64)] == [(4, 3, 64, 64)]


def test_a_configuration_is_evaluated_with_statistics_of_its_own(images, evaluator, monkeypatch):
    evaluated = []

    def kept(network, *arguments, **options):
        evaluated.append(statistics(network))
        return predict(network, *arguments, **options)

    monkeypatch.setattr(module, "predict", kept)
    evaluator(XS)
    expected = evaluator.network(XS)
    inherited = {name: tensor.clone() for name, tensor in statistics(expected).items()}
    recalibrate(expected, images.views(48))
    for name, tensor in statistics(expected).items():
        torch.testing.assert_close(evaluated[0][name], tensor, rtol=0, atol=0)
    assert any((evaluated[0][name] != tensor).any() for name, tensor in inherited.items())


def test_an_evaluation_leaves_the_shared_weights_as_they_are(evaluator):
    before = {name: tensor.clone() for name, tensor in evaluator.supernet.state_dict().items()}
    assert evaluator(XS) == evaluator(XS)
    for name, tensor in evaluator.supernet.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("flip", [True, False])
def test_the_score_is_the_ap_of_the_annotated_images_with_or_without_the_flip_test(
    images, evaluator, flip, monkeypatch
):
    evaluator.flip = flip
    asked, network = [], evaluator.network(XS).eval()

    def kept(*arguments, **options):
        asked.append(options["flip"])
        return predict(*arguments, **options)

    monkeypatch.setattr(module, "predict", kept)
    found = predict(network, images.annotations, CROWDPOSE, 48, flip=flip)
    expected = evaluate(images.annotations.file, found, CROWDPOSE, [1, 2, 3])["AP"]
    assert evaluator.average_precision(network, 48) == round(100 * expected, 2)
    assert asked == [flip]
