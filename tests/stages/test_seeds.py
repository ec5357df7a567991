"""Several seeds of a run: each trained once, in its own right, and what is written about all of them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from litepose.errors import InputError
from stages import kernels_classification, seeds, training_run
from support import ROOT

PREDICTIONS = Path("data/predictions/kernels_classification/3")
METRICS = Path("metrics/kernels_classification")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with smoke's parameters and twelve small pictures of two classes."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    for name in ("profiles", "litepose"):  # a run is known by its code
        Path(name).symlink_to(ROOT / name)
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for label in ("a", "b"):
            directory = Path("images") / split / label
            directory.mkdir(parents=True)
            for number in range(6):
                cv2.imwrite(str(directory / f"{number}.png"), rng.integers(0, 255, (48, 48, 3), np.uint8))
    Path("data/classification").mkdir(parents=True)
    Path("data/classification/dataset.json").write_text(json.dumps({"root": "images"}))
    monkeypatch.setattr("sys.argv", ["kernels_classification", "3"])
    return tmp_path


def choose(*chosen):
    values = yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text()) | {"seeds": list(chosen)}
    values["kernels_classification"] |= {"epochs": 1, "batch_size": 4, "resolution": 32}
    Path("params.yaml").write_text(yaml.safe_dump(values))


def run(*chosen):
    """Train with these seeds; the first network's weights."""
    choose(*chosen)
    kernels_classification.main()
    return torch.load("data/models/kernels_classification/3.pt", weights_only=True)


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_seed_gives_the_same_network_alone_first_or_after_another(project, monkeypatch):
    trained = []
    monkeypatch.setattr(
        kernels_classification,
        "correct",
        lambda model, *_: trained.append(model.state_dict()) or torch.ones(12),
    )
    first = run(0, 1)
    assert equal(trained[0], first)
    assert not equal(trained[1], first)
    assert equal(run(1), trained[1])


def test_predictions_and_scores_are_kept_per_seed_and_those_of_other_seeds_go(project):
    run(0, 1)
    assert sorted(path.name for path in PREDICTIONS.iterdir()) == ["0.json", "1.json", "scores.csv"]
    scores = pd.read_csv(PREDICTIONS / "scores.csv")
    right = [np.mean(json.loads((PREDICTIONS / f"{seed}.json").read_text())["val"]) for seed in (0, 1)]
    assert scores["seed"].tolist() == [0, 1]
    assert scores["accuracy"].tolist() == pytest.approx([100 * share for share in right], abs=0.01)
    run(2)
    assert sorted(path.name for path in PREDICTIONS.iterdir()) == ["2.json", "scores.csv"]
    assert "accuracy_std" not in json.loads((METRICS / "3.json").read_text())


def test_a_killed_stage_repeats_no_finished_seed_and_gives_the_same_result(project, monkeypatch, caplog):
    caplog.set_level("INFO")
    expected = run(0, 1)
    scores = (PREDICTIONS / "scores.csv").read_bytes()
    whole = training_run.fit

    def killed(*arguments, **options):
        if options["name"].endswith("/1"):
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(training_run, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        run(0, 1)
    monkeypatch.setattr(training_run, "fit", whole)
    caplog.clear()
    assert equal(run(0, 1), expected)
    assert "kernels_classification/3/0: resumed after epoch 1 of 1" in caplog.messages
    assert (PREDICTIONS / "scores.csv").read_bytes() == scores
    assert not list(Path("data/checkpoints").rglob("*.pt"))


def test_metrics_are_means_and_the_headline_has_a_sample_standard_deviation():
    table = pd.DataFrame({"AP": [10.0, 12.0, 14.0], "AP50": [30.0, 31.0, 32.0]}, index=[0, 1, 2])
    assert seeds.means(table, ("AP", "AP50")) == {"AP": 12.0, "AP_std": 2.0, "AP50": 31.0}
    assert seeds.means(table[:1], ("AP", "AP50")) == {"AP": 10.0, "AP50": 30.0}


@pytest.mark.parametrize("chosen", [[], [0, 0], [0.5], ["one"], [True], [-1]])
def test_seeds_that_are_not_different_whole_numbers_are_refused(project, chosen):
    choose(*chosen)
    with pytest.raises(InputError, match=r"params\.yaml: seeds is .*: expected different whole numbers"):
        seeds.seeds()
