"""A training is a value: what decides its weights, and so whether an interrupted one goes on."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.models import weights
from litepose.models.litepose import ARCHITECTURES, LitePose
from litepose.models.supernet import Supernet
from litepose.training import loop
from stages import (
    ablation,
    ablation_supernet,
    baselines,
    distill,
    finetune,
    kernels,
    kernels_classification,
    pretrain,
    shrink,
    supernet,
    transfer,
)
from stages.lib.monitor import monitor
from stages.lib.training.found import Found
from support import stage_project

WEIGHTS, CURVES = Path("data/models/kernels/3/0.pt"), Path("data/curves/kernels/3/plots/metrics")
XS = Found(ARCHITECTURES["xs"], 64)
TRAININGS = {
    "pretrain": pretrain.training,
    "shrink": lambda values: shrink.training(values, "shrink3"),
    "kernels": lambda values: kernels.training(values, "7"),
    "kernels_classification": lambda values: kernels_classification.training(values, "7"),
    "baselines": lambda values: baselines.training(values, "efficienthrnet-h-3"),
    "supernet": lambda values: supernet.training(values, "xs"),
    "finetune": lambda values: finetune.training(values, "s", XS),
    "distill": lambda values: distill.training(values, XS),
    "ablation": lambda values: ablation.training(values, "no-fusion", XS),
    "ablation_supernet": lambda values: ablation_supernet.training(values, "xs-supernet", XS),
    "transfer": lambda values: transfer.training(values, "xs", XS),
}


def changed(values, key, value):
    """Parameters with another value under a key of dots."""
    *sections, name = key.split(".")
    content = values
    for section in sections:
        content = content[section]
    content[name] = value
    return values


def two_epochs():
    values = stage_project.smoke()
    values["kernels"]["epochs"] = 2
    return values


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, drawn):
    """Weights, and the loss's curve, of a training of two epochs."""
    directory = tmp_path_factory.mktemp("undisturbed")
    stage_project.link(directory, drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        stage_project.run(kernels, two_epochs(), "3")
        return WEIGHTS.read_bytes(), (CURVES / "loss.tsv").read_bytes()


@pytest.fixture
def killed(project, monkeypatch):
    """Runs a stage that is killed in its second epoch."""
    whole = loop.train_one_epoch

    def dying(model, task, optimizer, scheduler, epoch, *rest):
        if epoch == 1:
            raise KeyboardInterrupt
        return whole(model, task, optimizer, scheduler, epoch, *rest)

    def run(module, values, *arguments):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(loop, "train_one_epoch", dying)
            stage_project.run(module, values, *arguments)

    return run


def resumed(caplog, module, values, *arguments):
    """Whether a stage goes on where it was killed."""
    caplog.set_level("INFO")
    caplog.clear()
    stage_project.run(module, values, *arguments)
    return any("resumed after epoch 1 of" in message for message in caplog.messages)


@pytest.mark.parametrize("stage", TRAININGS)
def test_the_same_parameters_give_the_same_value_and_text(stage):
    first, second = (TRAININGS[stage](stage_project.smoke()) for _ in range(2))
    assert first == second
    assert repr(first) == repr(second)
    assert " at 0x" not in repr(first)


@pytest.mark.parametrize("stage", TRAININGS)
def test_evaluation_and_monitoring_are_no_part_of_it(stage):
    values = stage_project.smoke()
    del values["evaluation"], values["monitor"]
    assert TRAININGS[stage](values) == TRAININGS[stage](stage_project.smoke())


@pytest.mark.parametrize(
    ("stage", "key", "value"),
    [
        ("kernels", "kernels.epochs", 7),
        ("kernels", "kernels.resolution", 96),
        ("kernels", "recipe.depth", 0.2),
        ("ablation", "ablation.runs.no-fusion.fusion", True),
        ("supernet", "supernet.runs.xs.ratios", [1.0, 0.5]),
        ("supernet", "supernet.runs.xs.resolutions", [64, 32]),
        ("distill", "distill.weight", 2.0),
        ("distill", "seeds", [1]),  # of its teacher
        ("finetune", "seed", 1),  # of its supernet
    ],
)
def test_what_decides_the_weights_is_part_of_it(stage, key, value):
    before = TRAININGS[stage](stage_project.smoke())
    after = TRAININGS[stage](changed(stage_project.smoke(), key, value))
    assert after != before
    assert repr(after) != repr(before)


def test_a_schedule_that_cannot_be_is_told_with_its_section(values):
    values["supernet"]["runs"]["xs"]["epochs"] = 0
    with pytest.raises(InputError, match=r"^params\.yaml: supernet\.runs\.xs: epochs is 0"):
        supernet.training(values, "xs")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("evaluation.flip", False),
        ("evaluation.scales", [0.5, 1.0]),
        ("evaluation.max_side", 256),
        ("monitor.every", 1000),
        ("crowdpose.test", ["val", "test"]),
        ("kernels.runs", [3, 7, 11]),
        ("search.population", 9),
    ],
)
def test_a_killed_training_goes_on_after_a_change_that_decides_no_weight(
    killed, undisturbed, caplog, key, value
):
    killed(kernels, two_epochs(), "3")
    assert resumed(caplog, kernels, changed(two_epochs(), key, value), "3")
    assert (WEIGHTS.read_bytes(), (CURVES / "loss.tsv").read_bytes()) == undisturbed


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kernels.learning_rate", 0.008),
        ("recipe.push_weight", 0.1),
        ("recipe.augmentation.rotation", 15),
        ("recipe.optimizer", "muon"),
        ("recipe.clip_gradient", 1.0),
    ],
)
def test_and_begins_anew_after_one_that_does(killed, undisturbed, caplog, key, value):
    killed(kernels, two_epochs(), "3")
    assert not resumed(caplog, kernels, changed(two_epochs(), key, value), "3")
    assert WEIGHTS.read_bytes() != undisturbed[0]


def test_and_after_a_change_of_its_images(killed, caplog, drawn):
    killed(kernels, two_epochs(), "3")
    Path("data/crowdpose").unlink()
    for name in ("dataset.json", "images", "json"):
        target = Path("data/crowdpose") / name
        target.parent.mkdir(exist_ok=True)
        if name == "json":
            target.mkdir()
            for file in (drawn / "data/crowdpose/json").iterdir():
                (target / file.name).write_text(file.read_text() + "\n")
        else:
            target.symlink_to(drawn / "data/crowdpose" / name)
    assert not resumed(caplog, kernels, two_epochs(), "3")


def write_network(path, network, resolution=64):
    torch.manual_seed(0)
    weights.save(path, network(), CROWDPOSE, resolution)


def test_a_killed_distillation_begins_anew_with_another_teacher(killed, caplog, monkeypatch):
    values = stage_project.smoke()
    values["distill"]["epochs"] = 2
    teacher = Path("data/models/finetune/s/0.pt")
    write_network(Path("data/models/supernet/xs/0.pt"), lambda: Supernet(14, depth=0.1))
    write_network(teacher, lambda: LitePose(ARCHITECTURES["xs"], 14, depth=0.1))
    monkeypatch.setattr(distill, "read_found", lambda run: XS)
    killed(distill, values)
    assert resumed(caplog, distill, values)
    killed(distill, values)
    write_network(teacher, lambda: LitePose(ARCHITECTURES["xs"], 14, depth=0.2))
    assert not resumed(caplog, distill, values)


@pytest.mark.parametrize("every", [1, 1000])
def test_the_ap_of_the_monitored_images_changes_no_weight(project, undisturbed, every):
    stage_project.run(kernels, changed(two_epochs(), "monitor.every", every), "3")
    assert (WEIGHTS.read_bytes(), (CURVES / "loss.tsv").read_bytes()) == undisturbed


def test_it_is_logged_where_it_is_due_and_after_the_last_epoch(project, values):
    values["monitor"]["every"] = 2
    values["kernels"]["epochs"] = 3
    stage_project.run(kernels, values, "3")
    curves = {name: pd.read_csv(CURVES / f"{name}.tsv", sep="\t") for name in ("loss", "monitor_AP")}
    assert curves["loss"]["step"].tolist() == [1, 2, 3]
    assert curves["monitor_AP"]["step"].tolist() == [2, 3]


def test_it_is_that_of_the_first_images_of_the_monitored_split(project, values, monkeypatch):
    values["monitor"] = {"every": 1, "images": 2}
    values["crowdpose"]["monitor"] = "test"
    training = kernels.training(values, "3")
    seen = []

    def found(network, images, skeleton, resolution, given):
        seen.append((images.file.name, len(images), skeleton, resolution))
        return []

    monkeypatch.setattr("stages.lib.monitor.detect", found)
    measured = monitor(training, training.network.build(14, 0), values)(1)
    assert measured == {"monitor_AP": 0.0, "monitor_AP50": 0.0}
    assert seen == [("crowdpose_test.json", 2, CROWDPOSE, 64)]


def test_trainings_that_find_no_people_by_themselves_have_no_ap(values):
    without = {stage for stage, training in TRAININGS.items() if not training(values).has_ap}
    assert without == {"pretrain", "supernet", "kernels_classification"}


def test_a_pretraining_learns_heatmaps_alone_and_its_loss_is_a_metric(project, values):
    values["pretrain"]["epochs"] = 1
    stage_project.run(pretrain, values)
    curves = {path.stem for path in Path("data/curves/pretrain/full/plots/metrics").iterdir()}
    assert "loss" in curves
    assert not curves & {"monitor_AP", "push", "pull"}
    assert weights.load(Path("data/models/pretrain/full/0.pt")).skeleton.name == "coco"
    metrics = Path("metrics/pretrain.json").read_text()
    assert metrics == Path("data/curves/pretrain/full/training.json").read_text()
