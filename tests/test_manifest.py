"""The manifest of a data set: layouts found on disk, and a missing part told by name."""

import pytest

from litepose.datasets import manifest
from litepose.errors import InputError


def coco(root):
    (root / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        (root / f"annotations/person_keypoints_{split}2017.json").write_text("{}")
        (root / f"{split}2017").mkdir()
    return root


def test_a_local_coco_directory_has_train_and_val(tmp_path):
    splits = manifest.find_splits(coco(tmp_path / "coco"), "coco")
    assert list(splits) == ["train", "val"]
    assert splits["val"][1] == tmp_path / "coco/val2017"


def test_a_missing_annotation_file_is_named_with_the_parameter_to_set(tmp_path):
    root = coco(tmp_path / "coco")
    (root / "annotations/person_keypoints_val2017.json").unlink()
    with pytest.raises(InputError, match=r"person_keypoints_val2017\.json is missing.*coco\.root"):
        manifest.find_splits(root, "coco")


def test_splits_beside_the_manifest_move_with_it_and_others_stay_where_they_lie(tmp_path):
    root = coco(tmp_path / "data/coco")
    elsewhere = coco(tmp_path / "elsewhere")
    splits = {
        "train": manifest.find_splits(root, "coco")["train"],
        "val": manifest.find_splits(elsewhere, "coco")["val"],
    }
    manifest.write(root / "dataset.json", splits, source="local")
    moved = tmp_path / "moved"
    root.rename(moved)
    read = manifest.read(moved / "dataset.json")
    assert read["train"][1] == moved / "train2017"
    assert read["val"][1] == elsewhere / "val2017"


def test_a_manifest_that_was_not_written_is_named(tmp_path):
    with pytest.raises(InputError, match=r"dataset\.json is missing"):
        manifest.read(tmp_path / "dataset.json")
