"""Configurations of a supernet are fine-tuned; the test tells whether shared weights rank them as well."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from litepose.core.skeletons import CROWDPOSE
from litepose.models import weights
from litepose.models.space import Configuration
from litepose.models.supernet import Supernet
from stages import ranking, test_ranking
from stages.lib.training import train as train_module
from support import stage_project

MODELS = Path("data/models/ranking/lms")


def prepare(directory):
    """The supernet that the networks come from."""
    torch.manual_seed(0)
    supernet = Supernet(CROWDPOSE.num_joints, depth=0.1)
    weights.save(directory / "data/models/supernet/lms/0.pt", supernet, CROWDPOSE, 64)


@pytest.fixture
def ranked(project):
    prepare(project)
    return project


@pytest.fixture(scope="module")
def whole(tmp_path_factory, drawn):
    """A project in which both stages ran."""
    directory = tmp_path_factory.mktemp("ranking")
    stage_project.link(directory, drawn)
    prepare(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        stage_project.run(ranking, stage_project.smoke(), "lms")
        stage_project.run(test_ranking, stage_project.smoke(), "lms")
    return directory


def test_configurations_are_fine_tuned_from_the_cheapest_to_the_dearest(whole, values):
    chosen = ranking.configurations("lms", values)
    assert len(chosen) == values["ranking"]["configurations"]
    for index, configuration in enumerate(chosen):
        trained = weights.load(whole / MODELS / f"{index}.pt")
        assert Configuration(trained.model.architecture, trained.input_size) == configuration
    assert json.loads((whole / "data/curves/ranking/lms/training.json").read_text()).keys() == {"seconds"}
    assert not list((whole / "data/checkpoints").rglob("*.pt"))


def test_every_configuration_has_three_aps_and_its_cost(whole, values):
    table = pd.read_csv(whole / "plots/ranking/lms.csv")
    chosen = ranking.configurations("lms", values)
    assert table["index"].tolist() == [0, 1]
    assert table["genes"].tolist() == [" ".join(map(str, one.genes[:-1])) for one in chosen]
    assert table["resolution"].tolist() == [one.resolution for one in chosen]
    assert table["macs_paper_g"].is_monotonic_increasing
    assert {"AP_inherited", "AP_calibrated", "AP_finetuned"} <= set(table)
    assert json.loads((whole / "metrics/ranking/lms.json").read_text())["configurations"] == 2


def test_a_killed_ranking_repeats_no_finished_network_and_gives_the_same(
    ranked, whole, values, monkeypatch, caplog
):
    fit = ranking.train_network

    def killed(name, *arguments, **options):
        if name.endswith("/1"):
            raise KeyboardInterrupt
        return fit(name, *arguments, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ranking, "train_network", killed)
        stage_project.run(ranking, values, "lms")
    caplog.set_level("INFO")
    values["ranking"]["images"] = 2  # of the test alone
    stage_project.run(ranking, values, "lms")
    assert "ranking/lms/0: resumed after epoch 1 of 1" in caplog.messages
    assert stage_project.files(MODELS) == stage_project.files(whole / MODELS)


def test_networks_of_an_earlier_ranking_go(ranked, values):
    values["ranking"]["configurations"] = 3
    stage_project.run(ranking, values, "lms")
    values["ranking"]["configurations"] = 2
    stage_project.run(ranking, values, "lms")
    assert sorted(path.name for path in MODELS.iterdir()) == ["0.pt", "1.pt"]


def test_the_test_of_a_ranking_trains_nothing(whole, values, monkeypatch):
    monkeypatch.chdir(whole)
    monkeypatch.setattr(train_module, "fit", lambda *arguments, **options: pytest.fail("it trains"))
    before = stage_project.files("data/models"), Path("plots/ranking/lms.csv").read_bytes()
    stage_project.run(test_ranking, values, "lms")
    assert (stage_project.files("data/models"), Path("plots/ranking/lms.csv").read_bytes()) == before


def test_a_ranking_tells_agreement_and_what_calibration_brings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {"index": index, "genes": "8", "macs_paper_g": 1.0 + index, "resolution": 48, "AP_inherited": 1.0,
         "AP_calibrated": calibrated, "AP_finetuned": 20.0 + index}
        for index, calibrated in enumerate((3.0, 5.0, 4.0, 6.0))
    ]  # fmt: skip
    test_ranking.write("lms", pd.DataFrame(rows), 8.0)
    metrics = json.loads(Path("metrics/ranking/lms.json").read_text())
    assert metrics["calibration_gain"] == 3.5
    assert metrics["kendall_tau"] == pytest.approx(2 / 3, abs=1e-4)  # one of six pairs is the wrong way round
    assert metrics["kendall_macs_tau"] == 1
    assert metrics["seconds"] == 8
    assert list(pd.read_csv("plots/ranking/lms.csv")["AP_calibrated"]) == [3, 5, 4, 6]


def test_no_agreement_is_told_where_all_scores_tie():
    assert test_ranking.agreement("kendall", pd.Series([0.0, 0.0]), pd.Series([1.0, 2.0])) == {}
