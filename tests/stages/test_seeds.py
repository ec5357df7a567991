"""Several seeds of a run: each trained once, in its own right, all weights kept, all tested."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from litepose.models import weights
from stages import kernels, kernels_classification, test, test_classification
from stages.lib.training import train as train_module
from support import stage_project

CLASSIFIERS = Path("data/models/kernels_classification/3")
PREDICTIONS = Path("data/predictions/kernels_classification/3")
METRICS = Path("metrics/kernels_classification/3.json")


@pytest.fixture
def pictures(project):
    """Twelve small pictures of two classes per split."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for label in ("a", "b"):
            directory = Path("images") / split / label
            directory.mkdir(parents=True)
            for number in range(6):
                cv2.imwrite(str(directory / f"{number}.png"), rng.integers(0, 255, (48, 48, 3), np.uint8))
    Path("data/classification").mkdir()
    Path("data/classification/dataset.json").write_text(json.dumps({"root": "images"}))


def parameters(*chosen):
    values = stage_project.smoke() | {"seeds": list(chosen)}
    values["kernels_classification"] |= {"epochs": 1, "batch_size": 4, "resolution": 32}
    values["kernels"] |= {"epochs": 4, "learning_rate": 0.03}  # after which people are found
    return values


def train(*chosen):
    """Train with these seeds; every network's weights."""
    stage_project.run(kernels_classification, parameters(*chosen), "3")
    return {seed: weights.load(CLASSIFIERS / f"{seed}.pt").model.state_dict() for seed in chosen}


def train_and_test(*chosen):
    trained = train(*chosen)
    stage_project.run(test_classification, parameters(*chosen), "3")
    return trained


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_seed_gives_the_same_network_alone_first_or_after_another(pictures):
    both = train(0, 1)
    assert not equal(both[0], both[1])
    assert equal(train(1)[1], both[1])
    assert equal(train(0)[0], both[0])


def test_the_weights_of_every_seed_are_kept_and_those_of_other_seeds_go(pictures):
    train(0, 1)
    assert sorted(path.name for path in CLASSIFIERS.iterdir()) == ["0.pt", "1.pt"]
    train(2)
    assert sorted(path.name for path in CLASSIFIERS.iterdir()) == ["2.pt"]


def test_the_curves_are_those_of_the_first_seed_and_the_log_tells_of_all(pictures):
    curves = Path("data/curves/kernels_classification/3")
    train(1)
    alone, log = (
        (curves / "plots/metrics/loss.tsv").read_bytes(),
        json.loads((curves / "training.json").read_text()),
    )
    assert log.keys() == {"loss", "resolution", "images", "seconds"}
    assert (log["resolution"], log["images"]) == (32, 12)
    train(1, 0)
    assert (curves / "plots/metrics/loss.tsv").read_bytes() == alone
    of_both = json.loads((curves / "training.json").read_text())["loss"]
    train(0)
    other = json.loads((curves / "training.json").read_text())["loss"]
    assert of_both == pytest.approx((log["loss"] + other) / 2, abs=1e-5)


def test_predictions_and_scores_are_kept_per_seed_and_those_of_other_seeds_go(pictures):
    train_and_test(0, 1)
    assert sorted(path.name for path in PREDICTIONS.iterdir()) == ["0.json", "1.json", "scores.csv"]
    scores = pd.read_csv(PREDICTIONS / "scores.csv")
    right = [np.mean(json.loads((PREDICTIONS / f"{seed}.json").read_text())["val"]) for seed in (0, 1)]
    assert scores["seed"].tolist() == [0, 1]
    assert scores["accuracy"].tolist() == pytest.approx([100 * share for share in right], abs=0.01)
    metrics = json.loads(METRICS.read_text())
    assert metrics["accuracy"] == pytest.approx(scores["accuracy"].mean(), abs=0.01)
    assert metrics["resolution"] == 32
    assert "accuracy_std" in metrics
    train_and_test(2)
    assert sorted(path.name for path in PREDICTIONS.iterdir()) == ["2.json", "scores.csv"]
    assert "accuracy_std" not in json.loads(METRICS.read_text())


def killed_at(seed, monkeypatch):
    """Have a stage stop before the training with that seed."""
    whole = train_module.fit

    def killed(*arguments, **options):
        if options["name"].endswith(f"/{seed}"):
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(train_module, "fit", killed)


def test_a_killed_stage_repeats_no_finished_seed_and_gives_the_same_result(pictures, monkeypatch, caplog):
    caplog.set_level("INFO")
    expected = train_and_test(0, 1)
    scores = (PREDICTIONS / "scores.csv").read_bytes()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        killed_at(1, patch)
        train(0, 1)
    caplog.clear()
    again = train_and_test(0, 1)
    assert equal(again[0], expected[0])
    assert equal(again[1], expected[1])
    assert "kernels_classification/3/0: resumed after epoch 1 of 1" in caplog.messages
    assert (PREDICTIONS / "scores.csv").read_bytes() == scores
    assert not list(Path("data/checkpoints").rglob("*.pt"))


def test_a_killed_stage_begins_anew_where_the_pictures_were_drawn_anew(pictures, monkeypatch, caplog):
    caplog.set_level("INFO")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        killed_at(1, patch)
        train(0, 1)
    drawn_anew = parameters(0, 1)
    drawn_anew["classification"]["size"] += 16
    stage_project.run(kernels_classification, drawn_anew, "3")
    assert not [message for message in caplog.messages if "resumed" in message]


@pytest.fixture(scope="module")
def people(tmp_path_factory, drawn):
    """A project in which two seeds of a pose network were trained and tested."""
    directory = tmp_path_factory.mktemp("people")
    stage_project.link(directory, drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        stage_project.run(kernels, parameters(3, 1), "7")
        stage_project.run(test, parameters(3, 1), "kernels/7", "crowdpose")
    return directory


def test_pose_networks_of_all_seeds_are_tested_without_naming_the_seeds(people):
    predictions = people / "data/predictions/kernels/7"
    assert sorted(path.name for path in predictions.iterdir()) == ["1.json", "3.json", "scores.csv"]
    scores = pd.read_csv(predictions / "scores.csv", index_col="seed")
    assert scores.index.tolist() == [1, 3]
    assert {"AP", "AP50", "AP75", "AR", "AP_true_tags", "AP_true_heatmaps"} <= set(scores)
    assert (scores["AP_true_heatmaps"] > scores["AP"]).all()
    metrics = json.loads((people / "metrics/kernels/7.json").read_text())
    assert list(metrics) == ["AP", "AP_std", "AP50", "AP75", "resolution", "params_m", "macs_g", "seconds"]
    assert metrics["AP"] == pytest.approx(scores["AP"].mean(), abs=0.01)
    assert metrics["resolution"] == 64
    assert metrics["macs_g"] > 0
    one, other = (json.loads((predictions / f"{seed}.json").read_text())["test"] for seed in (1, 3))
    assert one
    assert other
    assert one != other


def test_a_test_reads_weights_and_trains_nothing(people, monkeypatch):
    monkeypatch.chdir(people)
    before = stage_project.files("data/models")
    monkeypatch.setattr(train_module, "fit", lambda *arguments, **options: pytest.fail("it trains"))
    values = parameters(3, 1)
    values["evaluation"]["flip"] = False
    predicted = stage_project.files("data/predictions")
    stage_project.run(test, values, "kernels/7", "crowdpose")
    assert stage_project.files("data/models") == before
    assert stage_project.files("data/predictions") != predicted


def test_the_first_split_s_scores_have_plain_names_and_the_others_theirs(people, monkeypatch):
    monkeypatch.chdir(people)
    values = parameters(3, 1)
    values["crowdpose"]["test"] = ["test", "val"]
    stage_project.run(test, values, "kernels/7", "crowdpose")
    metrics = json.loads(Path("metrics/kernels/7.json").read_text())
    assert {"AP", "AP_std", "AP_val", "AP_val_std"} <= metrics.keys()
    content = json.loads(Path("data/predictions/kernels/7/1.json").read_text())
    assert list(content) == ["test", "val"]


def test_weights_say_what_they_are_for_the_test(people):
    trained = weights.load(people / "data/models/kernels/7/1.pt")
    assert trained.input_size == 64
    assert trained.skeleton.name == "crowdpose"
    assert weights.describe(trained.model)["kernel"] == 7
