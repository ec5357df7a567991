"""The table of what limits each network."""

import pandas as pd
import pytest

from report import diagnosis
from report.results import Results


@pytest.fixture
def predictions(tmp_path):
    """Two networks that were tested with the truth, with two seeds and one, and one that was not."""
    tables = {
        "finetune/s": {"AP": [10.0, 12.0], "AP_true_tags": [30.0, 34.0], "AP_true_heatmaps": [20.0, 22.0]},
        "kernels/9": {"AP": [5.0], "AP_true_tags": [15.0], "AP_true_heatmaps": [40.0]},
        "transfer/s": {"AP": [7.0]},
    }
    for run, scores in tables.items():
        (tmp_path / run).mkdir(parents=True)
        pd.DataFrame(scores).to_csv(tmp_path / run / "scores.csv")
    return tmp_path


def test_the_half_whose_truth_brings_more_limits_a_network(predictions):
    rows = {row["network"]: row for row in diagnosis.table(predictions, Results(predictions)).rows}
    assert rows["LitePose-S"] == {
        "network": "LitePose-S",
        "AP": 11.0,
        "AP_true_tags": 32.0,
        "AP_true_heatmaps": 21.0,
        "limit": "tags",
    }
    assert rows["0.5 LitePose, kernel 9"]["limit"] == "heatmaps"


def test_networks_without_the_truth_and_of_earlier_runs_are_left_out(predictions):
    assert len(diagnosis.table(predictions, Results(predictions)).rows) == 2
    assert len(diagnosis.table(predictions, Results(predictions, {"kernels/9", "transfer/s"})).rows) == 1
