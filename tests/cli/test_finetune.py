"""``litepose finetune``: own photographs and joints, interrupted and gone on with, told in advance."""

import csv
import json
from pathlib import Path

import pytest
import torch

from litepose.cli import finetune
from litepose.cli.main import main
from litepose.core.skeletons import CROWDPOSE
from litepose.finetuning import run
from litepose.models import weights
from support import networks, pose_data

SIZES = ((48, 40),) * 20
HAND = """
joints: [left_wrist, thumb]
flips: []
sigmas: [0.1, 0.1]
"""
ARGUMENTS = ("--epochs", "3", "--size", "32", "--batch-size", "4", "--workers", "0")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Weights of a small Lite Pose."""
    return networks.write_small(tmp_path_factory.mktemp("trained") / "small.pt", 64)


def data_set(root, joints, splits=("train", "val")):
    """CrowdPose's layout with a person of so many joints in every image."""
    places = [(8 + 2 * joint, 30 - 2 * joint, 2) for joint in range(joints)]
    names = CROWDPOSE.joints if joints == 14 else ("left_wrist", "thumb")
    (root / "json").mkdir(parents=True)
    for split in splits:
        contents = pose_data.content(CROWDPOSE, [], SIZES)
        contents["categories"][0]["keypoints"] = list(names)
        contents["annotations"] = [
            {"id": number, **pose_data.person(CROWDPOSE, places, number)}
            for number in range(1, len(SIZES) + 1)
        ]
        pose_data.write(root, contents)
        (root / f"json/crowdpose_{split}.json").write_text(json.dumps(contents))
    return root


def call(*arguments):
    main(["finetune", *map(str, arguments)])


def refused(capsys, *arguments, code=1):
    with pytest.raises(SystemExit) as end:
        call(*arguments)
    assert end.value.code == code
    (sentence,) = capsys.readouterr().err.splitlines()[-1:]
    assert sentence.startswith("error: ")
    return sentence


def test_the_run_is_announced_and_ap_is_told_before_and_after(trained, tmp_path, capsys):
    root = data_set(tmp_path / "own", 14)
    call(trained, "--data", root, "--out", "tuned.pt", *ARGUMENTS)
    announced, before, after, written = capsys.readouterr().out.splitlines()
    assert announced.startswith("20 images with 14 joints at 32 px, batches of 4: 60 views in about ")
    assert before.startswith("before: AP 0.0 (")
    assert after.startswith("after:  AP ")
    assert "; gained " in after
    assert written == "tuned.pt: the network; tuned.pt.csv: its curves"
    network = weights.load(Path("tuned.pt"))
    assert (network.input_size, network.skeleton) == (32, CROWDPOSE)
    rows = list(csv.DictReader(Path("tuned.pt.csv").read_text().splitlines()))
    assert [row["round"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert {"learning_rate", "pull", "monitor_AP"} <= rows[-1].keys()
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["own", "tuned.pt", "tuned.pt.csv"]


def test_other_joints_and_no_validation_split(trained, tmp_path, capsys):
    root = data_set(tmp_path / "own", 2, ["train"])
    Path("hand.yaml").write_text(HAND)
    call(trained, "--data", root, "--skeleton", "hand.yaml", "--out", "hand.pt", *ARGUMENTS)
    assert "18 images with 2 joints" in capsys.readouterr().out
    assert weights.load(Path("hand.pt")).skeleton.joints == ("left_wrist", "thumb")


def test_a_killed_run_goes_on_to_the_weights_that_it_would_have_had(trained, tmp_path, capsys, monkeypatch):
    root = data_set(tmp_path / "own", 14)
    arguments = (trained, "--data", root, *ARGUMENTS)
    call(*arguments, "--out", "whole.pt")

    def stop_after_one(*_):
        def measure(number):
            if number == 2:
                raise KeyboardInterrupt
            return {}

        return measure

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(finetune, "_monitor", stop_after_one)
        call(*arguments, "--out", "killed.pt")
    assert end.value.code == 130
    assert not Path("killed.pt").exists()
    monkeypatch.setattr(run, "seconds_of_a_step", lambda *_: pytest.fail("the plan is that of before"))
    capsys.readouterr()
    call(*arguments, "--out", "killed.pt")
    assert "goes on with the run that was interrupted" in capsys.readouterr().out
    whole, killed = (weights.load(Path(name)).model.state_dict() for name in ("whole.pt", "killed.pt"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


@pytest.mark.parametrize(
    ("file", "begun"),
    [(".tuned.pt.plan", False), (".tuned.pt.state", True), ("tuned.pt.csv", True), ("tuned.pt", True)],
)
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(trained, tmp_path, capsys, file, begun):
    """Linux has a device that is always full: one file is written there."""
    root = data_set(tmp_path / "own", 14)
    arguments = (trained, "--data", root, "--out", "tuned.pt", *ARGUMENTS)
    Path(f".{file}.part").symlink_to("/dev/full")
    assert refused(capsys, *arguments) == (
        f"error: {file} cannot be written (No space left on device): make room for it, then repeat"
        f"{' the same command, which goes on after the last whole round' if begun else ''}"
    )
    assert not Path("tuned.pt").exists()
    assert not [path for path in Path.cwd().iterdir() if path.is_symlink()]
    call(*arguments)
    assert Path("tuned.pt").exists()


def test_what_another_run_left_unfinished_is_not_gone_on_with(trained, tmp_path, capsys):
    root = data_set(tmp_path / "own", 14)
    Path(".tuned.pt.state").write_bytes(b"of another run")
    call(trained, "--data", root, "--out", "tuned.pt", *ARGUMENTS)
    assert "goes on" not in capsys.readouterr().out


def test_bad_input_is_one_sentence_and_leaves_nothing(trained, tmp_path, capsys):
    root = data_set(tmp_path / "own", 14)
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        ((trained, "--data", "empty", "--out", "a.pt"), "empty has no train split"),
        (("a.onnx", "--data", root, "--out", "a.pt"), "a.onnx was exported: give the weights"),
        ((trained, "--data", root, "--out", trained), "holds the weights that are read"),
        ((trained, "--data", root, "--out", "empty"), "empty is a directory: give a file's name"),
        (
            (trained, "--data", root, "--out", "a.pt", "--size", "40"),
            "40 px, but must be a positive multiple of 16 px",
        ),
        ((trained, "--data", root, "--out", "a.pt", "--skeleton", "hand"), "The skeleton is 'hand'"),
        ((trained, "--data", root, "--out", "a.pt", "--skeleton", "coco"), "skeleton of this data set"),
        ((tmp_path / "none.pt", "--data", root, "--out", "a.pt"), "is missing"),
    ):
        sentence = refused(capsys, *arguments)
        assert words in sentence
        assert "--split" not in sentence  # which this command does not take
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["empty", "own"]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--minutes", "0", "0 is not a positive number"),
        ("--minutes", "inf", "inf is not a positive number"),
        ("--learning-rate", "nan", "nan is not a positive number"),
        ("--seed", "-1", "-1 is negative"),
        ("--workers", "-1", "-1 is negative"),
    ],
)
def test_a_value_that_no_training_has_is_refused_with_its_option(capsys, option, value, words):
    sentence = refused(capsys, "a.pt", "--data", "own", "--out", "b.pt", option, value, code=2)
    assert f"argument {option}: {words}" in sentence


def test_an_image_that_would_fail_in_the_middle_is_refused_at_the_start(trained, tmp_path, capsys):
    root = data_set(tmp_path / "own", 14)
    (root / f"images/{len(SIZES)}.png").write_bytes(b"no picture")
    sentence = refused(capsys, trained, "--data", root, "--out", "tuned.pt", *ARGUMENTS)
    assert f"{len(SIZES)}.png: not an image that can be decoded" in sentence
    assert not (tmp_path / "tuned.pt").exists()


def test_a_loss_that_is_not_finite_is_one_sentence(trained, tmp_path, capsys):
    root = data_set(tmp_path / "own", 14)
    sentence = refused(
        capsys, trained, "--data", root, "--out", "a.pt", *ARGUMENTS, "--learning-rate", "1e30"
    )
    assert "lower the learning rate" in sentence
    assert not Path("a.pt").exists()
