"""Sub-networks are judged on shared images, and what the stages around the search write is what they say."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from litepose.inference import predict
from litepose.models.litepose import ARCHITECTURES
from litepose.models.space import Configuration
from litepose.models.supernet import Supernet
from litepose.nas.calibration import recalibrate
from litepose.skeletons import CROWDPOSE
from stages import candidates, published, ranking, search
from stages.candidates import Evaluator, SharedImages
from stages.common import params
from stages.pose_run import KeypointData, depth, found_architecture, save_weights
from support import ROOT, pose_data

XS = Configuration(ARCHITECTURES["xs"], 48)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A directory that stages run in, with the smoke profile's parameters."""
    torch.set_num_threads(1)
    (tmp_path / "profiles").mkdir()
    shutil.copy(ROOT / "profiles/smoke.yaml", tmp_path / "params.yaml")
    shutil.copy(ROOT / "profiles/tiny.yaml", tmp_path / "profiles")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def images(run):
    """Four noise images, each with one person."""
    joints = np.random.default_rng(0).uniform(10, 100, (4, 14, 3)).round()
    joints[..., 2] = 2
    people = [pose_data.person(CROWDPOSE, one, number) for number, one in enumerate(joints, 1)]
    split = pose_data.write(run, pose_data.content(CROWDPOSE, people, sizes=[(160, 120)] * 4))
    data = KeypointData(
        CROWDPOSE, {**params()["crowdpose"], "fit": ["train"]}, {"train": split, "val": split}
    )
    return SharedImages(data, images=3, calibration_images=4, largest=64)


@pytest.fixture
def evaluator(images):
    torch.manual_seed(0)
    save_weights("supernet", "lms", Supernet(CROWDPOSE.num_joints, depth=depth()))
    return Evaluator("lms", images, torch.device("cpu"))


def statistics(network):
    return {name: tensor for name, tensor in network.state_dict().items() if "running" in name}


def test_images_are_decoded_once_for_all_networks_and_give_the_same_detections(images, evaluator):
    network = evaluator.network(XS).eval()
    prepared = images.prepared(48)
    assert images.prepared(48) is prepared
    assert images.prepared(80) is not prepared
    shutil.rmtree("images")
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


def test_a_configuration_is_judged_with_statistics_of_its_own(images, evaluator, monkeypatch):
    judged = []

    def kept(network, *arguments, **options):
        judged.append(statistics(network))
        return predict(network, *arguments, **options)

    monkeypatch.setattr(candidates, "predict", kept)
    evaluator(XS)
    expected = evaluator.network(XS)
    inherited = {name: tensor.clone() for name, tensor in statistics(expected).items()}
    recalibrate(expected, images.views(48))
    for name, tensor in statistics(expected).items():
        torch.testing.assert_close(judged[0][name], tensor, rtol=0, atol=0)
    assert any((judged[0][name] != tensor).any() for name, tensor in inherited.items())


def test_with_auto_all_gpus_judge_and_else_the_one_that_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert search.devices("auto") == [torch.device("cuda", 0), torch.device("cuda", 1)]
    assert search.devices("cpu") == [torch.device("cpu")]


def test_the_published_architectures_are_found_like_those_of_a_search(run):
    shutil.copy(ROOT / "profiles/tiny.yaml", "params.yaml")
    published.main()
    sides = {}
    for size in ("xs", "s", "m", "l"):
        architecture, sides[size] = found_architecture(f"{size}-published")
        assert architecture == ARCHITECTURES[size]
    assert sides == {"xs": 64, "s": 112, "m": 112, "l": 128}


def test_budgets_in_macs_are_scaled_and_those_in_milliseconds_are_not(run):
    settings = params()["supernet"]["runs"]["lms"]
    macs = search.read_problem({"supernet": "lms", "budget": 4.981, "cost": search.MACS}, settings)
    assert macs.unit == "macs_paper_g"
    assert macs.budget / macs.macs.max() == pytest.approx(4.981 / 15.2798, rel=1e-4)
    assert macs.costs.tolist() == macs.macs.tolist()
    coefficients = {"constant": 1.0, "dense": 100.0, "depthwise": 0.0, "transposed": 0.0}
    Path("host.json").write_text(json.dumps(coefficients))
    device = search.read_problem({"supernet": "lms", "budget": 3.0, "cost": "host.json"}, settings)
    assert (device.unit, device.budget) == ("ms", 3.0)
    assert 1 < device.costs.min() < device.costs.max() < 1 + 100 * macs.macs.max()


def test_a_ranking_tells_agreement_and_what_calibration_brings(run):
    rows = [
        {"index": index, "genes": "8", "macs_paper_g": 1.0 + index, "resolution": 48, "AP_inherited": 1.0,
         "AP_calibrated": calibrated, "AP_finetuned": 20.0 + index, "seconds": 2.0}
        for index, calibrated in enumerate((3.0, 5.0, 4.0, 6.0))
    ]  # fmt: skip
    ranking.write("lms", rows)
    metrics = json.loads(Path("metrics/ranking/lms.json").read_text())
    assert metrics["calibration_gain"] == 3.5
    assert metrics["kendall_tau"] == pytest.approx(2 / 3, abs=1e-4)  # one of six pairs is the wrong way round
    assert metrics["kendall_macs_tau"] == 1
    assert list(pd.read_csv("plots/ranking/lms.csv")["AP_calibrated"]) == [3, 5, 4, 6]


def test_no_agreement_is_told_where_all_scores_tie():
    assert ranking.agreement("kendall", pd.Series([0.0, 0.0]), pd.Series([1.0, 2.0])) == {}
