"""Parameters: the profiles have the same keys, and a slip is told in one sentence."""

import pytest
import yaml

from litepose.errors import InputError
from stages.common import RUN_KEYS, read_params
from support import ROOT

PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))
REFERENCE = ROOT / "profiles/tiny.yaml"


def keys(values, at=()):
    if not isinstance(values, dict) or (at and at[-1] in RUN_KEYS):
        return {at}
    return set().union(*(keys(value, (*at, key)) for key, value in values.items()))


def changed(tmp_path, change):
    values = yaml.safe_load(REFERENCE.read_text())
    change(values)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_every_profile_has_the_keys_of_the_default_profile(profile):
    assert keys(yaml.safe_load(profile.read_text())) == keys(yaml.safe_load(REFERENCE.read_text()))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_every_profile_passes_the_check_and_names_itself(profile):
    assert read_params(profile, REFERENCE)["profile"] == profile.stem


def test_params_yaml_is_the_default_profile():
    assert (ROOT / "params.yaml").read_text() == REFERENCE.read_text()


def test_an_unknown_key_is_named_with_the_one_that_was_meant(tmp_path):
    path = changed(tmp_path, lambda values: values["kernels"].update(epoch=3))
    with pytest.raises(InputError, match=r"unknown key kernels\.epoch: did you mean epochs"):
        read_params(path, REFERENCE)


def test_a_missing_key_is_named(tmp_path):
    path = changed(tmp_path, lambda values: values["recipe"].pop("depth"))
    with pytest.raises(InputError, match=r"recipe\.depth is missing"):
        read_params(path, REFERENCE)


def test_a_value_of_another_type_is_named(tmp_path):
    path = changed(tmp_path, lambda values: values["kernels"].update(epochs="three"))
    with pytest.raises(InputError, match=r"kernels\.epochs is 'three': expected a number"):
        read_params(path, REFERENCE)


def test_a_file_that_is_not_yaml_is_named(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: [")
    with pytest.raises(InputError, match=r"params\.yaml cannot be read"):
        read_params(path, REFERENCE)
