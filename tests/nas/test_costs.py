"""Costs of a search's configurations come from a file: MACs in the paper's convention, or milliseconds."""

import json

import numpy as np
import pytest

from litepose.complexity import litepose_cost
from litepose.errors import InputError
from litepose.models.space import SPACES, SearchSpace
from litepose.nas import costs
from litepose.nas.costs import Latency, PaperMacs, scaled_budget
from litepose.nas.latency_model import LatencyModel, features

SPACE = SearchSpace((1.0, 0.5), (128, 96))
DEPTH = 0.34
DEVICE = Latency(LatencyModel(constant=1.5, dense=20.123456789, depthwise=90.0, transposed=35.0))


@pytest.mark.parametrize("model", [PaperMacs(), DEVICE], ids=lambda model: model.unit)
def test_a_cost_model_survives_its_file_to_the_last_digit(model, tmp_path):
    model.write(tmp_path / "costs/model.json")
    read = costs.load(tmp_path / "costs/model.json")
    assert read == model
    assert read.unit == model.unit == json.loads((tmp_path / "costs/model.json").read_text())["unit"]


def test_macs_are_those_of_the_papers_convention_with_crowdposes_joints():
    found = PaperMacs().costs(SPACE, DEPTH)
    assert found.shape == (SPACE.size,)
    for row in (0, SPACE.size // 2, SPACE.size - 1):
        one = SPACE.at(row)
        counted = litepose_cost(one.architecture, one.resolution, 14, depth=DEPTH)["macs_paper"]
        assert found[row] == counted / 1e9


def test_milliseconds_are_the_latency_models_predictions():
    found = DEVICE.costs(SPACE, DEPTH)
    one = SPACE.at(7)
    expected = DEVICE.model.predict(features(one.architecture, one.resolution, 14, DEPTH))
    assert found.dtype == np.float64
    assert found[7] == pytest.approx(expected[0])


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"constant": 1.0}',
        '{"unit": "ms", "constant": 1.0}',
        '{"unit": "ms", "constant": "slow", "dense": 1, "depthwise": 1, "transposed": 1}',
        '{"unit": "joules"}',
    ],
)
def test_a_file_that_holds_no_cost_model_is_named(content, tmp_path):
    (tmp_path / "host.json").write_text(content)
    with pytest.raises(InputError, match=r"host\.json is no cost model: expected JSON with the unit"):
        costs.load(tmp_path / "host.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"missing\.json is no cost model"):
        costs.load(tmp_path / "missing.json")


def test_a_budget_keeps_its_share_of_the_largest_network():
    paper = SPACES["xs"]
    largest = PaperMacs().costs(paper, 1.0).max()
    assert scaled_budget(1.2, paper, paper, 1.0) == pytest.approx(1.2)
    ours = scaled_budget(1.2, paper, SPACE, DEPTH) / PaperMacs().costs(SPACE, DEPTH).max()
    assert ours == pytest.approx(1.2 / largest)
