"""``litepose show``: numbers of every split, and pictures of what the training sees."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from litepose.cli.main import main
from litepose.core.skeletons import CROWDPOSE
from support import pose_data

SIZES = ((80, 60), (80, 60), (40, 60))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """CrowdPose's layout: two people, one without joints, and a crowd with a region."""
    monkeypatch.chdir(tmp_path)
    joints = [(20 + 2 * joint, 40 - joint, 2 if joint else 1) for joint in range(14)]
    region = [[50, 10, 70, 10, 70, 50, 50, 50]]
    people = [
        pose_data.person(CROWDPOSE, joints, 1),
        pose_data.person(CROWDPOSE, joints[:7] + [(0, 0, 0)] * 7, 2),
        pose_data.person(CROWDPOSE, [(0, 0, 0)] * 14, 2, bbox=[5, 5, 20, 20]),
        pose_data.person(
            CROWDPOSE, [(0, 0, 0)] * 14, 1, iscrowd=1, segmentation=region, bbox=[50, 10, 20, 40]
        ),
    ]
    root = tmp_path / "data"
    (root / "json").mkdir(parents=True)
    contents = pose_data.content(CROWDPOSE, people, SIZES)
    pose_data.write(root, contents)
    for split in ("train", "val"):
        (root / f"json/crowdpose_{split}.json").write_text(json.dumps(contents))
    return root


def test_every_split_is_told_in_numbers(data, capsys):
    main(["show", "--data", str(data)])
    output = capsys.readouterr().out
    assert output.count("3 images; short side 42 50 60 60 60 (5/25/50/75/95 %) px") == 2
    assert "2 people with labelled joints" in output
    assert "1 without, 1 crowds; 1 images have a mask" in output
    lines = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.startswith("    ")}
    assert lines["left_shoulder"] == ["100.0", "0.0"]
    assert lines["neck"] == ["50.0", "100.0"]
    assert [path.name for path in Path.cwd().iterdir()] == ["data"]


def test_pictures_show_annotations_views_targets_and_masks(data, capsys):
    main(["show", "--data", str(data), "--out", "pictures", "--images", "5", "--size", "64"])
    assert "pictures: 2 pictures of crowdpose_train.json" in capsys.readouterr().out
    assert sorted(path.name for path in Path("pictures").iterdir()) == ["1.jpg", "2.jpg"]
    sheet = cv2.imread("pictures/1.jpg")[..., ::-1].astype(int)
    assert sheet.shape == (64, round(80 * 64 / 60) + 6 * 64, 3)
    first = sheet[:, : round(80 * 64 / 60)]
    inside, outside = first[30, 64], first[60, 3]
    assert inside[0] - inside[1:].mean() > 60 > abs(outside[0] - outside[1:].mean())
    masks = [sheet[:, start : start + 64] for start in (85 + 128, 85 + 320)]
    views = [sheet[:, start : start + 64] for start in (85, 85 + 192)]
    assert any(np.abs(mask - view).mean() > 2 for mask, view in zip(masks, views, strict=True))
    assert np.abs(views[0] - views[1]).mean() > 2


def test_photographs_are_never_written_over(data, capsys):
    for file in (data / "json").iterdir():
        file.write_text(file.read_text().replace(".png", ".jpg"))
    for file in list((data / "images").iterdir()):
        file.rename(file.with_suffix(".jpg"))
    before = (data / "images/1.jpg").read_bytes()
    with pytest.raises(SystemExit):
        main(["show", "--data", str(data), "--out", str(data / "images")])
    assert "images/1.jpg is one of the files that are read" in capsys.readouterr().err
    assert (data / "images/1.jpg").read_bytes() == before


def test_bad_input_is_one_sentence(data, capsys):
    for arguments, words in (
        (["--data", "nowhere"], "nowhere has no train split"),
        (["--data", str(data), "--split", "test"], "has no test split"),
        (["--data", str(data), "--skeleton", "dog.yaml"], "The skeleton is 'dog.yaml'"),
        (["--data", str(data), "--layout", "coco"], "person_keypoints_train2017.json"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["show", *arguments])
        assert end.value.code == 1
        (sentence,) = capsys.readouterr().err.splitlines()
        assert sentence.startswith("error: ")
        assert words in sentence
