"""The manifest of a data set: layouts found on disk, and a missing part told by name."""

import json

import pytest

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE, from_fields
from litepose.datasets import manifest


def lay_out(root, *paths):
    """Empty files and, where a path ends in a slash, directories."""
    for path in paths:
        target = root / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("{}")
    return root


def coco(root):
    splits = ("train", "val")
    return lay_out(
        root,
        *(f"annotations/person_keypoints_{split}2017.json" for split in splits),
        *(f"{split}2017/" for split in splits),
    )


def test_a_local_coco_directory_has_train_and_val(tmp_path):
    splits = manifest.find_splits(coco(tmp_path / "coco"), "coco", ["train", "val"])
    assert list(splits) == ["train", "val"]
    assert splits["val"][1] == tmp_path / "coco/val2017"


def test_cocos_images_may_lie_a_level_deeper(tmp_path):
    lay_out(tmp_path, "annotations/person_keypoints_val2017.json", "images/val2017/")
    assert manifest.find_splits(tmp_path, "coco", ["val"])["val"][1] == tmp_path / "images/val2017"


@pytest.mark.parametrize("start", ["json/crowdpose", "annotations/mmpose_crowdpose", "annotations/crowdpose"])
def test_crowdpose_is_found_as_higherhrnets_and_mmposes_users_keep_it(tmp_path, start):
    names = ("train", "val", "trainval", "test")
    lay_out(tmp_path, "images/", *(f"{start}_{split}.json" for split in names))
    splits = manifest.find_splits(tmp_path, "crowdpose", ["train"])
    assert tuple(splits) == names
    assert splits["trainval"] == (tmp_path / f"{start}_trainval.json", tmp_path / "images")


def test_only_the_needed_splits_must_be_there(tmp_path):
    lay_out(tmp_path, "images/", "json/crowdpose_trainval.json", "json/crowdpose_test.json")
    assert list(manifest.find_splits(tmp_path, "crowdpose", ["trainval", "test"])) == ["trainval", "test"]
    with pytest.raises(InputError, match=r"crowdpose_val\.json is missing"):
        manifest.find_splits(tmp_path, "crowdpose", ["trainval", "val"])


def test_a_missing_annotation_file_is_named_with_all_that_was_looked_for(tmp_path):
    root = coco(tmp_path / "coco")
    (root / "annotations/person_keypoints_val2017.json").unlink()
    looked_for = r"in val2017/, or .* in images/val2017/"
    with pytest.raises(InputError, match=rf"keypoints_val2017\.json is missing.* {looked_for}.*set root"):
        manifest.find_splits(root, "coco", ["train", "val"])


def test_missing_images_of_an_annotation_file_are_named(tmp_path):
    lay_out(tmp_path, "annotations/mmpose_crowdpose_val.json")
    with pytest.raises(InputError, match="images is missing: the val split"):
        manifest.find_splits(tmp_path, "crowdpose", ["val"])


def test_a_split_that_the_data_set_does_not_know_is_named(tmp_path):
    with pytest.raises(InputError, match=r"coco has no split 'dev': use train, val, test"):
        manifest.find_splits(coco(tmp_path), "coco", ["dev"])


def test_splits_beside_the_manifest_move_with_it_and_others_stay_where_they_lie(tmp_path):
    root = coco(tmp_path / "data/coco")
    elsewhere = coco(tmp_path / "elsewhere")
    splits = {
        "train": manifest.find_splits(root, "coco", ["train"])["train"],
        "val": manifest.find_splits(elsewhere, "coco", ["val"])["val"],
    }
    manifest.write(root / "dataset.json", splits, COCO, source="local")
    moved = tmp_path / "moved"
    root.rename(moved)
    read = manifest.read(moved / "dataset.json")
    assert read["train"][1] == moved / "train2017"
    assert read["val"][1] == elsewhere / "val2017"


@pytest.mark.parametrize("skeleton", [COCO, CROWDPOSE], ids=lambda skeleton: skeleton.name)
def test_the_skeleton_is_kept(tmp_path, skeleton):
    manifest.write(tmp_path / "dataset.json", {}, skeleton)
    assert manifest.read_skeleton(tmp_path / "dataset.json") == skeleton


def test_a_skeleton_of_ones_own_is_kept(tmp_path):
    fields = {"joints": ["a", "b"], "flips": [["a", "b"]], "limbs": [["b", "a"]], "sigmas": [0.1, 0.2]}
    skeleton = from_fields("mine", fields, "here")
    manifest.write(tmp_path / "dataset.json", {}, skeleton)
    assert manifest.read_skeleton(tmp_path / "dataset.json") == skeleton


def test_a_manifest_without_a_skeleton_asks_for_the_dataset_stage(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"splits": {}}))
    with pytest.raises(InputError, match=r"names no skeleton: run the dataset stage again"):
        manifest.read_skeleton(tmp_path / "dataset.json")


def test_a_manifest_that_was_not_written_is_named(tmp_path):
    with pytest.raises(InputError, match=r"dataset\.json is missing"):
        manifest.read(tmp_path / "dataset.json")
