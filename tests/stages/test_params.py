"""Parameters: the profiles have the same keys, and a slip is told in one sentence."""

import pytest
import yaml

from litepose.core.errors import InputError
from stages.lib.common.parameters import RUN_KEYS, chosen_run, params, read_params, section, seeds
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


def test_a_run_s_parameters_are_those_of_params_yaml(tmp_path, monkeypatch):
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")
    (tmp_path / "params.yaml").write_text((ROOT / "profiles/smoke.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    assert params() == yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text())


def test_runs_have_names_of_their_own_in_every_profile(tmp_path):
    path = changed(tmp_path, lambda values: values["baselines"].update(runs={"other": {"resolution": 64}}))
    assert list(read_params(path, REFERENCE)["baselines"]["runs"]) == ["other"]


def test_seeds_are_those_of_the_parameters():
    assert seeds({"seeds": [3, 0, 7]}) == [3, 0, 7]


@pytest.mark.parametrize("chosen", [[], [0, 0], [0.5], ["one"], [True], [-1]])
def test_seeds_that_are_not_different_whole_numbers_are_refused(chosen):
    with pytest.raises(InputError, match=r"params\.yaml: seeds is .*: expected different whole numbers"):
        seeds({"seeds": chosen})


def test_a_run_is_found_by_its_name_in_a_mapping_and_in_a_list():
    assert chosen_run("kernels.runs", [3, 7], "7") == 7
    assert chosen_run("transfer.runs", {"s": {"supernet": "lms"}}, "s") == {"supernet": "lms"}


@pytest.mark.parametrize("runs", [[3, 7], {3: {}, 7: {}}])
def test_a_run_that_is_not_there_is_named_with_those_that_are(runs):
    with pytest.raises(InputError, match=r"^params\.yaml: kernels\.runs has no '11': it has 3, 7$"):
        chosen_run("kernels.runs", runs, "11")


def test_an_error_of_the_library_is_told_with_the_section_that_it_comes_from():
    told = pytest.raises(InputError, match=r"^params\.yaml: kernels: epochs is 0: give a positive number$")
    with told, section("kernels"):
        raise InputError("epochs is 0: give a positive number")


def test_an_error_of_another_kind_stays_as_it_is():
    with pytest.raises(ValueError, match=r"^else$"), section("kernels"):
        raise ValueError("else")
