"""What is written about the networks of a run: predictions and scores of each, means of all."""

import json
from pathlib import Path

import pandas as pd
import pytest

from litepose.core.errors import InputError
from stages.lib.testing import scores
from stages.lib.testing.networks import files


def test_metrics_are_means_and_the_headline_has_a_sample_standard_deviation():
    table = pd.DataFrame({"AP": [10.0, 12.0, 14.0], "AP50": [30.0, 31.0, 32.0]}, index=[0, 1, 2])
    assert scores.means(table, ("AP", "AP50")) == {"AP": 12.0, "AP_std": 2.0, "AP50": 31.0}
    assert scores.means(table[:1], ("AP", "AP50")) == {"AP": 10.0, "AP50": 30.0}


def test_the_ap_of_a_further_split_has_a_deviation_too():
    table = pd.DataFrame({"AP_test": [1.0, 3.0]}, index=[0, 1])
    assert scores.means(table, ("AP_test",)) == {"AP_test": 2.0, "AP_test_std": 1.41}


def test_predictions_and_scores_are_written_per_seed_and_those_of_other_seeds_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for chosen in ((0, 1), (2,)):
        by_seed = {seed: {"AP": 10.0 * seed} for seed in chosen}
        found = {seed: {"test": [seed]} for seed in chosen}
        scores.write("kernels/3", by_seed, found, ("AP",), {"seconds": 3})
        directory = Path("data/predictions/kernels/3")
        assert sorted(path.name for path in directory.iterdir()) == [
            *(f"{seed}.json" for seed in chosen),
            "scores.csv",
        ]
        assert pd.read_csv(directory / "scores.csv")["seed"].tolist() == list(chosen)
        assert json.loads((directory / f"{chosen[-1]}.json").read_text()) == {"test": [chosen[-1]]}
    assert json.loads(Path("metrics/kernels/3.json").read_text()) == {"AP": 20.0, "seconds": 3}


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("litepose.core.distributed.rank", lambda: 1)
    scores.write("kernels/3", {0: {"AP": 1.0}}, {0: {"test": []}}, ("AP",), {})
    assert not list(tmp_path.iterdir())


def test_the_weights_of_a_run_are_found_by_their_seeds_in_the_order_of_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    directory = Path("data/models/kernels/3")
    directory.mkdir(parents=True)
    for seed in (10, 9, 0):
        (directory / f"{seed}.pt").touch()
    assert list(files("kernels/3").items()) == [(seed, directory / f"{seed}.pt") for seed in (0, 9, 10)]


def test_a_run_without_weights_is_named_with_what_brings_them():
    with pytest.raises(
        InputError, match=r"data/models/kernels/99 holds no weights: run dvc repro or dvc pull"
    ):
        files("kernels/99")
