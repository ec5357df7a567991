"""Whatever stands in params.yaml, the check tells one sentence, or the stages can build what they train."""

from datetime import date

import numpy as np
import pytest
import yaml

from litepose.core.errors import InputError
from stages.lib.common.parameters import check, read_params
from stages.lib.training.training import recipe, schedule, space
from support import ROOT, mutation

REFERENCE = ROOT / "profiles/tiny.yaml"
VALUES = yaml.safe_load(REFERENCE.read_text())
# No parameter takes any of these
IMPOSSIBLE = [
    *(None, float("nan"), float("inf"), -1, -0.5, 1e300, 10**400, "a\nb", b"", date(2026, 1, 1)),
    *([None], [[]], [{}], {"a": None}, {"": {}}, {1: 2}, ["x"] * 2, (1, 2), {1, 2}, 2j),
]
# Some parameters take some of these
POSSIBLE = [0, 1, 2, 3, 7, 100, 0.1, 1.0, 1.5, True, False, "", "s", "xs", "cuda", "all", "1e-3", [], {}]
POSSIBLE += [[0], [1, 2], ["s"], ["train"], {"s": {}}, {"resolution": 64}, [0.5, 1], ["host"], [3, 3]]
NAMED = {"runs", "supernet_runs", "runtimes"}  # sections whose keys are names, which may be others


def sentence(values):
    """What the check says; None where it accepts the values."""
    try:
        check(values, REFERENCE, REFERENCE)
    except InputError as error:
        assert str(error)
        assert "\n" not in str(error)
        assert len(str(error)) < 1000
        return str(error)
    for name in ("pretrain", "shrink", "kernels", "distill", "supernet.runs.xs", "supernet.runs.lms"):
        schedule(values, name)
    recipe(values)
    space(values, "xs"), space(values, "lms")
    return None


def test_what_no_parameter_can_be_is_refused_everywhere():
    rng = np.random.default_rng(0)
    places = mutation.places(VALUES)
    for path in (places[number] for number in rng.integers(len(places), size=mutation.count(600))):
        value = IMPOSSIBLE[rng.integers(len(IMPOSSIBLE))]
        said = sentence(mutation.replaced(VALUES, path, value))
        assert said, (path, value)
        assert any(isinstance(key, int) or str(key) in said for key in path), said


def test_what_some_parameter_can_be_is_refused_or_works():
    rng = np.random.default_rng(1)
    places, accepted = mutation.places(VALUES), 0
    for path in (places[number] for number in rng.integers(len(places), size=mutation.count(600))):
        value = POSSIBLE[rng.integers(len(POSSIBLE))]
        accepted += sentence(mutation.replaced(VALUES, path, value)) is None
    assert 0.02 < accepted / mutation.count(600) < 0.6  # both are tried


@pytest.mark.parametrize(
    "path", [path for path in mutation.places(VALUES) if isinstance(path[-1], str)], ids=".".join
)
def test_a_key_that_is_left_out_or_misspelt_is_refused(path):
    if NAMED.isdisjoint(path[:-1]):
        assert f"{'.'.join(path)} is missing" in sentence(mutation.without(VALUES, path))
    misspelt = mutation.replaced(VALUES, (*path[:-1], f"{path[-1]}/"), 1)
    assert f"unknown key {'.'.join(path)}/" in sentence(misspelt)


def test_a_damaged_file_is_one_sentence_or_a_file_of_parameters(tmp_path):
    rng = np.random.default_rng(2)
    file, content = tmp_path / "params.yaml", (ROOT / "profiles/smoke.yaml").read_bytes()
    for _ in range(mutation.count(60)):
        file.write_bytes(mutation.damaged(content, rng))
        try:
            assert read_params(file, REFERENCE).keys() == VALUES.keys()
        except InputError as error:
            assert str(error).startswith(str(file))
            assert "\n" not in str(error)
