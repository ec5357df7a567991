"""Parameters: the profiles have the same keys, and a slip is told in one sentence."""

import pytest
import torch
import yaml

from litepose import models
from litepose.core.errors import InputError
from litepose.datasets import manifest
from litepose.models.space import SPACES
from litepose.runtimes import registry
from litepose.training.optimizer import OPTIMIZERS
from litepose.training.step import PRECISIONS
from stages.lib.common import schema
from stages.lib.common.parameters import chosen_run, params, read_params, section, seeds
from stages.shrink import SYSTEMS
from support import ROOT

# Sections whose keys name runs or runtimes, which differ between profiles
RUN_KEYS = {"runs", "supernet_runs", "runtimes"}
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
    with pytest.raises(InputError, match=r"kernels\.epochs is 'three': expected a whole number"):
        read_params(path, REFERENCE)


def put(values, place, value):
    """Set the value at a dotted place."""
    *sections, key = place.split(".")
    for name in sections:
        values = values[name]
    values[key] = value


SLIPS = [
    # what is written, and what the sentence says of it
    ("shrink.runs", ["shrink9"], "is ['shrink9']: expected some of baseline, shrink1, shrink2, shrink3"),
    ("ranking.runs", ["zzz"], "is ['zzz']: expected some of xs, lms"),
    ("search.runs.xs.supernet", "zzz", "is 'zzz': expected one of xs, lms"),
    ("search.runs.xs.budget", "much", "is 'much': expected a number above 0"),
    ("search.runs.xs.cost", "phone", "is 'phone': expected one of macs, host"),
    ("search.runs", {}, "has no keys: expected xs among them, which distill needs"),
    ("search.parents", 0, "is 0: expected a whole number of at least 1"),
    ("search.mutation", 1.5, "is 1.5: expected a number, 0 to 1"),
    ("kernels.runs", ["x"], "is ['x']: expected different odd whole numbers"),
    ("kernels.runs", [4], "is [4]: expected different odd whole numbers"),
    ("kernels.runs", [], "is []: expected different odd whole numbers"),
    ("kernels.resolution", 100, "is 100: expected a multiple of 16, 16 to 4096 px"),
    ("kernels.resolution", 0, "is 0: expected a multiple of 16, 16 to 4096 px"),
    ("shrink.resolution", 48, "is 48: expected a multiple of 32, 32 to 4096 px"),
    ("kernels.epochs", 2.5, "is 2.5: expected a whole number, 1 to 100000"),
    ("kernels.epochs", True, "is True: expected a whole number"),
    (
        "kernels.learning_rate",
        "1e-3",
        "is '1e-3': expected a number above 0, at most 10; YAML takes this for text",
    ),
    ("kernels.learning_rate", float("nan"), "is nan: expected a number above 0"),
    ("kernels.milestones", [-1], "is [-1]: expected a list of epochs"),
    ("kernels", 3, "is 3: expected a section"),
    ("baselines.runs.efficienthrnet-h-1.resolution", 80, "is 80: expected a multiple of 32"),
    ("baselines.runs.efficienthrnet-h-1.data", "mine", "is 'mine': expected one of crowdpose, coco"),
    ("crowdpose.fit", [], "is []: expected one or more of train, val, trainval, test"),
    ("crowdpose.test", [], "is []: expected one or more of"),
    ("crowdpose.monitor", "validation", "is 'validation': expected one of train, val"),
    ("crowdpose.images.train", 2.5, "is 2.5: expected a whole number"),
    ("crowdpose.images.val", 0, "is 0: expected at least 1 image to draw"),
    ("crowdpose.scenes.short_side", 0, "is 0: expected a whole number, 32 to 4096"),
    ("crowdpose.skeleton", "lsp", "is 'lsp': expected crowdpose, whose joints drawn people have"),
    (
        "coco.root",
        "~/mine/coco",
        "is '~/mine/coco': expected a path without ~, which DVC does not expand, as /",
    ),
    ("crowdpose.source", "web", "is 'web': expected one of synthetic, local, download"),
    ("classification.images.val", 0, "is 0: expected at least 1 image to draw"),
    ("recipe.augmentation.scale", [1.25, 0.8], "is [1.25, 0.8]: expected two numbers above 0, the smaller"),
    ("recipe.augmentation.flip", 2, "is 2: expected a number, 0 to 1"),
    ("recipe.precision", "int8", "is 'int8': expected one of float32, bfloat16, float16"),
    ("recipe.compile", "yes please", "is 'yes please': expected true or false"),
    ("evaluation.scales", [0.5, 2], "is [0.5, 2]: expected 1 among them"),
    ("evaluation.crowdpose_evaluator", "mine", "is 'mine': expected one of faster-coco-eval, crowdposetools"),
    ("monitor.every", 0, "is 0: expected a whole number of at least 1"),
    ("workers", -1, "is -1: expected a whole number, 0 to 1024"),
    ("workers", 1.5, "is 1.5: expected a whole number, 0 to 1024"),
    ("device", "cdua", "is 'cdua': expected auto, cpu, cuda, or one GPU such as cuda:1"),
    ("seeds", [0, 0], "is [0, 0]: expected different whole numbers"),
    ("supernet.runs.xs.ratios", [1.5], "is [1.5]: expected different numbers above 0 and up to 1"),
    ("supernet.runs.lms.resolutions", [100], "is [100]: expected different multiples of 16"),
    ("finetune.runs", ["q"], "is ['q']: expected one of search.runs or a published one"),
    ("finetune.runs", ["s-published"], "is ['s-published']: expected s among them, the teacher of distill"),
    ("finetune.runs", ["s", "xs"], "is ['s', 'xs']: expected no xs, which distill trains"),
    ("ablation.runs", {}, "has no keys: expected no-fusion among them, which Figure 5 shows"),
    ("ablation.runs.no-fusion.architecture", "q", "is 'q': expected one of search.runs or a published one"),
    ("latency.devices", ["pi5"], "is ['pi5']: expected some of host, cuda, pi4"),
    ("latency.runtimes.tvm", ["litepose-q"], "is ['litepose-q']: expected all, or some of latency.systems"),
    ("latency.rounds", 1, "is 1: expected a whole number of at least 2"),
    ("latency_model.configurations", 4, "is 4: expected a whole number, 5 to 10000"),
]
# Of several values together: the place that the sentence names, and what it says there
TOGETHER = [
    ("crowdpose.fit", ["trainval"], r"crowdpose\.images has .*: expected trainval among the splits"),
    ("compute.nodes", 2, r"compute\.launch is '': expected what starts a command on each of the nodes"),
    ("compute.processes", 3, r"batch_size is 8: expected a multiple of 3, for 3 processes \(compute\)$"),
    ("recipe.accumulate_grad", 5, r"batch_size is 8: expected a multiple of 5, for 5 parts"),
    ("supernet.runs.zzz", {}, r"unknown key supernet\.runs\.zzz: known keys are lms, xs$"),
    ("transfer.runs.q", {"supernet": "xs"}, r"transfer\.runs has .*: expected one of search\.runs .* not q$"),
    (
        "baselines.runs.q",
        {"data": "coco", "resolution": 64},
        r"unknown key baselines\.runs\.q: expected one of litepose-xs",
    ),
    ("search.runs.a/b", {}, r"unknown key search\.runs\.a/b: expected a run's name of letters"),
    ("latency.runtimes.q", "all", r"unknown key latency\.runtimes\.q: expected one of pytorch"),
    ("search.runs.s.buget", 1, r"unknown key search\.runs\.s\.buget: did you mean budget\?$"),
]


@pytest.mark.parametrize(("place", "value", "words"), SLIPS, ids=lambda value: str(value)[:30])
def test_a_slip_is_told_with_its_place_its_value_and_what_was_expected(tmp_path, place, value, words):
    path = changed(tmp_path, lambda values: put(values, place, value))
    with pytest.raises(InputError) as refused:
        read_params(path, REFERENCE)
    assert f"params.yaml: {place} {words}" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("place", "value", "sentence"), TOGETHER, ids=lambda value: str(value)[:30])
def test_values_that_do_not_fit_together_are_told(tmp_path, place, value, sentence):
    path = changed(tmp_path, lambda values: put(values, place, value))
    with pytest.raises(InputError, match=rf"params\.yaml: .*{sentence}"):
        read_params(path, REFERENCE)


def test_a_skeleton_of_a_file_is_known_where_there_is_the_file(tmp_path, monkeypatch):
    path = changed(tmp_path, lambda values: values["crowdpose"].update(source="local", skeleton="birds"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"crowdpose\.skeleton is 'birds': .* its joints in skeletons/birds"):
        read_params(path, REFERENCE)
    (tmp_path / "skeletons").mkdir()
    (tmp_path / "skeletons/birds.yaml").write_text("joints: []")
    assert read_params(path, REFERENCE)["crowdpose"]["skeleton"] == "birds"


def test_stages_may_be_left_out_by_empty_lists_of_runs(tmp_path):
    def change(values):
        for name in ("shrink", "kernels_classification", "ranking"):
            values[name]["runs"] = []
        values["baselines"]["runs"], values["ablation"]["supernet_runs"] = {}, {}

    assert read_params(changed(tmp_path, change), REFERENCE)["shrink"]["runs"] == []


def test_a_key_that_comes_twice_is_refused_as_dvc_does(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(f"{REFERENCE.read_text()}\nseed: 1\n")
    with pytest.raises(InputError, match=r"params\.yaml cannot be read \(the key seed comes twice"):
        read_params(path, REFERENCE)


@pytest.mark.parametrize(
    "text", ["a: [", "[" * 2000, "a: 2026-13-45", "a: !!timestamp x", "\t", "", "3", "a: &b [*b]", "{1: 2}"]
)
def test_a_file_of_another_kind_is_one_sentence(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml") as refused:
        read_params(path, REFERENCE)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({}, "coco.images.drawn is 0: expected at least 1 image to draw, or no split drawn in use"),
        ({"source": "local"}, "coco.images.drawn is 0: expected at least 1 image to draw"),
        (
            {"source": "local", "skeleton": "crowdpose", "images": dict(train=0, val=0, test=0, drawn=3)},
            "coco.skeleton is 'crowdpose': expected coco, whose joints drawn people have, or no split drawn",
        ),
    ],
)
def test_drawn_scenes_beside_photographs_need_a_number_and_joints_that_are_drawn(tmp_path, section, words):
    path = changed(tmp_path, lambda values: values["coco"].update(fit=["train", "drawn"], **section))
    with pytest.raises(InputError) as refused:
        read_params(path, REFERENCE)
    assert words in str(refused.value)


def test_the_names_in_the_schema_are_those_that_the_library_knows():
    assert list(schema.SYSTEMS) == models.names()
    assert set(schema.RUNTIMES) == set(registry.RUNTIMES)
    assert set(schema.SHRINKINGS) == set(SYSTEMS)
    assert set(schema.SUPERNETS) == set(SPACES)
    assert schema.SPLITS == manifest.SPLITS
    assert schema.OPTIMIZERS == OPTIMIZERS
    assert set(schema.PRECISIONS) == set(PRECISIONS)


@pytest.mark.parametrize("name", sorted({name.partition("-")[0] for name in schema.TRAINABLE}))
def test_networks_take_inputs_of_a_multiple_of_their_stride_and_no_other(name):
    unit, system = schema.STRIDES[name], next(full for full in schema.TRAINABLE if full.startswith(name))
    with torch.device("meta"):
        model = models.create(system, depth=0.1).eval()
        for multiple in (1, 3) if name != "hourglass" else (1, 2):
            assert (
                model(torch.empty(1, 3, unit * multiple, unit * multiple))[0].shape[-1] == unit * multiple / 4
            )
        with pytest.raises(RuntimeError):
            model(torch.empty(1, 3, unit // 2 * 3, unit // 2 * 3))


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
    path = changed(
        tmp_path, lambda values: values["search"]["runs"].update(own=values["search"]["runs"]["s"])
    )
    assert list(read_params(path, REFERENCE)["search"]["runs"]) == ["own", "s", "xs"]


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
