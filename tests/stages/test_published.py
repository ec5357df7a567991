"""The published architectures are data, like those that a search finds."""

import pytest
import yaml

from litepose.models.litepose import ARCHITECTURES
from stages import published
from stages.lib.training.found import read_found
from support import ROOT


@pytest.fixture
def values(tmp_path, monkeypatch):
    """The default profile's, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return yaml.safe_load((ROOT / "profiles/tiny.yaml").read_text())


def test_the_published_architectures_are_found_like_those_of_a_search(values):
    published.main(values)
    sides = {}
    for size in ("xs", "s", "m", "l"):
        architecture, sides[size] = read_found(f"{size}-published")
        assert architecture == ARCHITECTURES[size]
    assert sides == {"xs": 64, "s": 96, "m": 96, "l": 112}


def test_half_litepose_has_the_resolution_of_the_kernels_that_it_stands_beside(values):
    values["kernels"]["resolution"] = 80
    published.main(values)
    assert read_found("half") == (ARCHITECTURES["half"], 80)
