"""Weights handed on: from pre-training to the supernet, and from there to the final networks."""

import json
from pathlib import Path

import pytest
import torch

from litepose.models import weights
from litepose.models.litepose import ARCHITECTURES
from stages import (
    ablation,
    ablation_supernet,
    distill,
    finetune,
    pretrain,
    published,
    supernet,
    test_supernet,
    transfer,
)
from stages.lib.training import train as train_module
from stages.lib.training.found import Found
from stages.lib.training.networks import SharedWeights, SubNetwork
from support import stage_project

XS = Found(ARCHITECTURES["xs"], 64)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, drawn):
    """A project with a pre-trained network and a supernet that started from it, tested."""
    directory = tmp_path_factory.mktemp("inheritance")
    stage_project.link(directory, drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        values = stage_project.smoke()
        values["pretrain"]["epochs"] = 1
        stage_project.run(pretrain, values)
        stage_project.run(supernet, values, "xs")
        stage_project.run(test_supernet, values, "xs")
        stage_project.run(published, values)
        for found in ("xs", "s"):
            file = Path(f"data/search/{found}.json")
            file.write_bytes(file.with_name(f"{found}-published.json").read_bytes())
    return directory


@pytest.fixture
def values(trained, monkeypatch):
    """The parameters, in that project."""
    monkeypatch.chdir(trained)
    return stage_project.smoke()


def state(path):
    return weights.load(Path("data/models") / path).model.state_dict()


def test_a_supernet_starts_from_the_pre_trained_network(values):
    training = supernet.training(values, "xs")
    assert training.network == SharedWeights(0.1, Path("data/models/pretrain/full/0.pt"))
    start, other = (training.network.build(14, seed).state_dict() for seed in (0, 1))
    fresh = [name for name in start if not torch.equal(start[name], other[name])]
    assert fresh  # what predicts CrowdPose's joints instead of COCO's
    assert not [name for name in fresh if "backbone" in name]


def test_a_supernet_is_kept_with_its_largest_resolution(values):
    trained = weights.load(Path("data/models/supernet/xs/0.pt"))
    assert type(trained.model).__name__ == "Supernet"
    assert trained.input_size == max(values["supernet"]["runs"]["xs"]["resolutions"])
    assert trained.skeleton.name == "crowdpose"


def test_its_widest_network_is_tested_at_that_resolution(values):
    metrics = json.loads(Path("metrics/supernet/xs.json").read_text())
    assert metrics["resolution"] == 64
    assert {"AP", "AP50", "AP75", "params_m", "macs_g"} <= metrics.keys()
    assert sorted(path.name for path in Path("data/predictions/supernet/xs").iterdir()) == [
        "0.json",
        "scores.csv",
    ]


def test_a_test_of_a_supernet_leaves_its_weights_and_gives_the_same_again(values, monkeypatch):
    monkeypatch.setattr(train_module, "fit", lambda *arguments, **options: pytest.fail("it trains"))
    before = stage_project.files("data/models"), stage_project.files("data/predictions")
    stage_project.run(test_supernet, values, "xs")
    assert (stage_project.files("data/models"), stage_project.files("data/predictions")) == before


def test_a_final_network_starts_from_the_supernet_s_weights(values):
    shared = weights.load(Path("data/models/supernet/xs/0.pt")).model
    expected = shared.extract(XS.architecture).state_dict()
    start = SubNetwork(XS.architecture, 0.1, Path("data/models/supernet/xs/0.pt")).build(14, 5).state_dict()
    assert all(torch.equal(start[name], expected[name]) for name in expected)


def test_for_other_joints_its_predictions_start_afresh_and_the_rest_is_inherited(values):
    network = SubNetwork(XS.architecture, 0.1, Path("data/models/supernet/xs/0.pt"))
    start, other = (network.build(17, seed).state_dict() for seed in (0, 1))
    different = {name.split(".")[0] for name in start if not torch.equal(start[name], other[name])}
    same = {name.split(".")[0] for name in start if torch.equal(start[name], other[name])}
    assert different
    assert same - different


@pytest.mark.parametrize(
    ("stage", "arguments", "expected"),
    [
        (transfer, ["xs"], ("transfer/xs/0.pt", 17, True)),
        (ablation, ["no-fusion"], ("ablation/no-fusion/0.pt", 14, False)),
        (ablation_supernet, ["xs-supernet"], ("ablation/xs-supernet/0.pt", 14, True)),
    ],
    ids=["transfer", "ablation", "ablation_supernet"],
)
def test_a_stage_writes_the_network_that_it_is_named_after(values, stage, arguments, expected):
    path, joints, fusion = expected
    stage_project.run(stage, values, *arguments)
    description = weights.describe(weights.load(Path("data/models") / path).model)
    assert (description["num_joints"], description["fusion"]) == (joints, fusion)


def test_the_distilled_network_learns_from_the_fine_tuned_one(values):
    values["finetune"]["epochs"] = 1
    Path("data/models/supernet/lms").symlink_to(Path("data/models/supernet/xs").resolve())
    stage_project.run(finetune, values, "s")
    stage_project.run(distill, values)
    curves = {path.stem for path in Path("data/curves/finetune/xs/plots/metrics").iterdir()}
    assert curves - {path.stem for path in Path("data/curves/finetune/s/plots/metrics").iterdir()}
    assert weights.load(Path("data/models/finetune/xs/0.pt")).model.architecture == ARCHITECTURES["xs"]
    assert weights.load(Path("data/models/finetune/s/0.pt")).model.architecture == ARCHITECTURES["s"]
