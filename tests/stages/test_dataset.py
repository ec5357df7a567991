"""The dataset stage: what it takes from a directory, what it refuses, and what it leaves as it was."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import manifest
from stages import dataset
from stages.lib.common.data import root_of
from support import ROOT, pose_data, stage_project


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the stage of one data set in an empty project, with some of its section changed."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    Path("profiles").symlink_to(ROOT / "profiles")
    Path("skeletons").mkdir()

    def run(name, **section):
        values = yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text())
        values[name] |= section
        stage_project.run(dataset, values, name)
        return json.loads(Path(f"metrics/dataset/{name}.json").read_text())

    return run


def crowdpose(root, *splits, start="json/crowdpose"):
    """A data set in CrowdPose's layout with the same two people in every split."""
    root.mkdir()
    people = [
        pose_data.person(
            CROWDPOSE, {"head": (60, 20, 2), "neck": (60, 30, 2), "left_hip": (70, 80, 1)}, image
        )
        for image in (1, 2)
    ]
    content = pose_data.content(CROWDPOSE, people, ((160, 120),) * 2)
    pose_data.write(root, content)
    for split in splits:
        file = root / f"{start}_{split}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))
    return root


def listing(directory):
    return sorted(
        (str(path.relative_to(directory)), path.stat().st_mtime_ns) for path in directory.rglob("*")
    )


@pytest.mark.parametrize("source", ["local", "download"])
def test_a_data_set_that_lies_on_disk_is_neither_copied_nor_touched(run, tmp_path, source):
    root = crowdpose(tmp_path / "mmpose", "train", "val", "test", start="annotations/mmpose_crowdpose")
    before = listing(root)
    metrics = run("crowdpose", source=source, root=str(root))
    assert metrics["images_train"] == metrics["images_test"] == 2
    assert listing(root) == before
    assert [path.name for path in Path("data/crowdpose").iterdir()] == ["dataset.json"]
    splits = manifest.read(Path("data/crowdpose/dataset.json"))
    assert splits["val"] == (root / "annotations/mmpose_crowdpose_val.json", root / "images")


def test_networks_may_be_trained_on_the_file_of_train_and_val_together(run, tmp_path):
    root = crowdpose(tmp_path / "set", "trainval", "val", "test")
    metrics = run("crowdpose", source="local", root=str(root), fit=["trainval"])
    assert metrics["images_trainval"] == 2


def test_scenes_are_drawn_beside_photographs_that_stay_as_they_are(run, tmp_path):
    root = crowdpose(tmp_path / "set", "train", "val", "test")
    before = listing(root)
    images = {"train": 0, "val": 0, "test": 0, "drawn": 3}
    metrics = run("crowdpose", source="local", root=str(root), fit=["train", "drawn"], images=images)
    assert (metrics["images_train"], metrics["images_drawn"]) == (2, 3)
    assert listing(root) == before
    data = Path("data/crowdpose")
    splits = manifest.read(data / "dataset.json")
    assert splits["train"] == (root / "json/crowdpose_train.json", root / "images")
    assert splits["drawn"] == (data / "json/crowdpose_drawn.json", data / "images")
    assert len(list(splits["drawn"][1].iterdir())) == 3


def test_scenes_that_no_training_sees_are_not_drawn_beside_photographs(run, tmp_path):
    root = crowdpose(tmp_path / "set", "train", "val", "test")
    run("crowdpose", source="local", root=str(root), images={"train": 0, "val": 0, "test": 0, "drawn": 3})
    assert [path.name for path in Path("data/crowdpose").iterdir()] == ["dataset.json"]


def test_a_split_that_the_run_uses_must_be_there(run, tmp_path):
    root = crowdpose(tmp_path / "set", "train", "val")
    with pytest.raises(InputError, match=r"crowdpose_test\.json is missing"):
        run("crowdpose", source="local", root=str(root))


def test_bad_input_leaves_the_earlier_data_set_as_it_was(run, tmp_path):
    root = crowdpose(tmp_path / "set", "train", "val", "test")
    run("crowdpose", source="local", root=str(root))
    before = listing(Path("data/crowdpose"))
    with pytest.raises(InputError):
        run("crowdpose", source="local", root=str(tmp_path / "absent"))
    assert listing(Path("data/crowdpose")) == before
    run("crowdpose", source="local", root=str(root))
    assert [path.name for path in Path("data").iterdir()] == ["crowdpose"]


def test_an_empty_directory_of_crowdpose_says_what_to_fetch(run, tmp_path):
    with pytest.raises(InputError, match=r"Google Drive.*put images\.zip in"):
        run("crowdpose", source="download", root=str(tmp_path / "empty"))


def test_an_empty_directory_of_imagenet_says_what_to_fetch(run, tmp_path):
    with pytest.raises(InputError, match=r"ILSVRC2012_img_train\.tar"):
        run("classification", source="download", root=str(tmp_path / "empty"))


def test_folders_of_images_are_classes(run, tmp_path):
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            folder = tmp_path / "pets" / split / name
            folder.mkdir(parents=True)
            cv2.imwrite(str(folder / "1.jpg"), np.zeros((8, 8, 3), np.uint8))
    assert run("classification", source="local", root=str(tmp_path / "pets"))["images_val"] == 2
    assert json.loads(Path("data/classification/dataset.json").read_text())["root"] == str(tmp_path / "pets")
    (tmp_path / "pets/val/dog/1.jpg").unlink()
    (tmp_path / "pets/val/dog").rmdir()
    with pytest.raises(InputError, match="different class folders"):
        run("classification", source="local", root=str(tmp_path / "pets"))


def test_what_changes_where_it_lies_changes_the_outputs_on_which_trainings_depend(run, tmp_path):
    root = crowdpose(tmp_path / "set", "train", "val", "test")
    stored = []

    def store():
        run("crowdpose", source="local", root=str(root))
        stored.append(Path("data/crowdpose/dataset.json").read_bytes())

    store()
    changed(root, "train", lambda content: content["annotations"][0].update(bbox=[50, 10, 41, 80]))
    store()
    cv2.imwrite(str(root / "images/1.png"), np.full((120, 160, 3), 77, np.uint8))
    store()
    (root / "images/3.png").write_bytes(b"of no split")
    store()
    assert len(set(stored)) == 3
    assert stored[2] == stored[3]


def changed(root, split, change):
    """Change the annotation file of one split."""
    file = root / f"json/crowdpose_{split}.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def told(name="crowdpose"):
    return Path(f"metrics/dataset/{name}.md").read_text()


@pytest.fixture
def people(tmp_path):
    return crowdpose(tmp_path / "set", "train", "val", "test")


def test_sides_exchanged_in_the_last_image_of_a_later_split_are_refused_at_once(run, people):
    changed(people, "test", lambda content: content["images"][-1].update(width=120, height=160))
    with pytest.raises(InputError, match=r"crowdpose_test\.json: .*2\.png: 160x120 .* annotated as 120x160"):
        run("crowdpose", source="local", root=str(people))


def test_all_images_that_cannot_be_read_are_counted(run, people):
    (people / "images/1.png").write_bytes(b"")
    (people / "images/2.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1\.png: the file is empty.* \(2 such entries: 0, 1\)"):
        run("crowdpose", source="local", root=str(people))


def test_an_image_of_a_kind_that_cannot_be_decoded_is_refused(run, people):
    Image.new("RGB", (160, 120)).save(people / "images/2.png", "TGA")
    with pytest.raises(InputError, match=r"2\.png: a TGA file of a kind that cannot be decoded; store it as"):
        run("crowdpose", source="local", root=str(people))


def oriented(file, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.open(file).save(file, exif=exif)


@pytest.mark.parametrize("orientation", [3, 6])
def test_images_that_exif_turns_are_told(run, people, orientation):
    oriented(people / "images/2.png", orientation)
    assert run("crowdpose", source="local", root=str(people))["warnings"] >= 3
    assert told().count("1 of 2 images have an EXIF orientation, first 2.png: training and evaluation") == 3


def test_annotations_of_a_picture_as_exif_turns_it_are_refused_with_the_right_advice(run, people):
    oriented(people / "images/2.png", 6)
    for split in ("train", "val", "test"):
        changed(people, split, lambda content: content["images"][1].update(width=120, height=160))
    with pytest.raises(InputError, match="store the image with its pixels turned") as refused:
        run("crowdpose", source="local", root=str(people))
    assert "correct width and height" not in str(refused.value)


def test_a_crowd_index_that_only_val_lacks_is_computed_and_told(run, people):
    changed(people, "val", lambda content: content["images"][1].pop("crowdIndex"))
    run("crowdpose", source="local", root=str(people))
    assert "- val: 1 of 2 images have no crowdIndex: it is computed" in told()
    assert "- test: 1 of 2 images have no crowdIndex" not in told()


def test_a_blind_guess_that_scores_high_is_told(run, people):
    metrics = run("crowdpose", source="local", root=str(people))
    assert metrics["chance_AP"] > 99  # everybody stands in the same place
    assert "- test: a blind guess, the same average person in every image, scores AP 100.0" in told()
    assert metrics["warnings"] == len(told().splitlines())


def test_test_images_on_which_networks_are_trained_are_told(run, people):
    for image in (1, 2):
        pixels = np.full((120, 160, 3), image, np.uint8)
        cv2.imwrite(str(people / f"images/of-test-{image}.png"), pixels)

    def of_test(content, images):
        for image in images:
            content["images"][image - 1]["file_name"] = f"of-test-{image}.png"

    words = "images are also among those that networks are trained on"
    changed(people, "test", lambda content: of_test(content, [1, 2]))
    run("crowdpose", source="local", root=str(people))
    assert words not in told()
    (people / "images/of-test-1.png").write_bytes((people / "images/1.png").read_bytes())
    run("crowdpose", source="local", root=str(people))
    assert f"- test: 1 of 2 {words}" in told()
    run("crowdpose", source="local", root=str(people), fit=["train", "val"], test=["test", "val"])
    assert f"- val: 2 of 2 {words}" in told()


@pytest.mark.parametrize(
    ("split", "words"), [("train", "nothing to train on"), ("val", "to judge"), ("test", "to judge")]
)
def test_a_split_in_which_nobody_is_labelled_is_refused(run, people, split, words):
    def unlabelled(content):
        for one in content["annotations"]:
            one["keypoints"][2::3] = [0] * 14

    changed(people, split, unlabelled)
    with pytest.raises(InputError, match=rf"crowdpose_{split}\.json: nobody has a labelled .* {words}"):
        run("crowdpose", source="local", root=str(people))


@pytest.fixture
def pets(tmp_path):
    """Two classes, each with one image per split."""
    for folder in ("train/cat", "train/dog", "val/cat", "val/dog"):
        (tmp_path / "pets" / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "pets" / folder / "1.jpg"), np.zeros((8, 8, 3), np.uint8))
    return tmp_path / "pets"


def test_folders_and_files_of_a_system_are_no_classes_and_no_images(run, pets):
    for name in (".cache", "@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found"):
        (pets / "train" / name).mkdir()
    (pets / "train/cat/._1.jpg").write_bytes(b"Mac OS X")
    assert run("classification", source="local", root=str(pets))["images_train"] == 2


def test_validation_images_of_classes_that_are_trained_on_are_told(run, pets):
    assert run("classification", source="local", root=str(pets))["warnings"] == 1
    assert told("classification").startswith("- val: 2 of 2 images are also among those")
    for number, folder in enumerate(("val/cat", "val/dog")):
        cv2.imwrite(str(pets / folder / "1.jpg"), np.full((8, 8, 3), 99 + 99 * number, np.uint8))
    assert run("classification", source="local", root=str(pets))["warnings"] == 0


def test_images_of_classes_are_looked_at_too(run, pets):
    (pets / "val/dog/1.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"val: .*val/dog/1\.jpg: the file is empty"):
        run("classification", source="local", root=str(pets))
    cv2.imwrite(str(pets / "val/dog/1.jpg"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"train/cat/1\.jpg: .*million pixels, more than.*raise max_pixels"):
        run("classification", source="local", root=str(pets), max_pixels=63)


def test_an_image_that_moves_to_another_class_changes_the_output_on_which_trainings_depend(run, pets):
    (pets / "train/cat/2.jpg").write_bytes((pets / "train/cat/1.jpg").read_bytes())
    run("classification", source="local", root=str(pets))
    before = Path("data/classification/dataset.json").read_bytes()
    (pets / "train/cat/2.jpg").rename(pets / "train/dog/0.jpg")
    run("classification", source="local", root=str(pets))
    assert Path("data/classification/dataset.json").read_bytes() != before


def test_an_unknown_skeleton_is_named_with_the_file_to_write(run, tmp_path):
    with pytest.raises(InputError, match=r"skeletons/hand\.yaml is missing"):
        run("crowdpose", source="local", root=str(tmp_path), skeleton="hand")


def test_a_queued_experiment_reads_the_data_set_of_the_project(run, tmp_path, monkeypatch):
    """DVC runs it in a copy of what git knows: directories of data sets have a .gitignore and no more."""
    project = tmp_path / "project"
    crowdpose(project / "photographs", "train", "val", "test")
    copy = project / ".dvc/tmp/exps/tmp1"
    (copy / "photographs").mkdir(parents=True)
    (copy / "photographs/.gitignore").write_text("*")
    for name in ("profiles", "skeletons"):
        (copy / name).symlink_to(project / name)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(project))
    assert run("crowdpose", source="local", root="photographs")["images_test"] == 2
    splits = manifest.read(copy / "data/crowdpose/dataset.json")
    assert splits["test"][0] == project / "photographs/json/crowdpose_test.json"


def test_a_data_set_that_the_experiments_copy_has_is_read_there(tmp_path, monkeypatch):
    copy = tmp_path / ".dvc/tmp/exps/tmp1"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for place in (copy, tmp_path):
        (place / "photographs/images").mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert root_of({"root": "photographs"}).resolve() == copy / "photographs"
    assert root_of({"root": "elsewhere"}) == tmp_path / "elsewhere"
    assert root_of({"root": "/elsewhere"}) == Path("/elsewhere")
    monkeypatch.chdir(tmp_path)
    assert root_of({"root": "elsewhere"}) == Path("elsewhere")
