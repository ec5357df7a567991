"""Skeletons: the two built-in ones, those of a file, and a data set of five joints from file to AP."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE, find, from_fields, load
from litepose.drawing import draw_people
from litepose.evaluation import evaluate
from litepose.inference.grouping import group
from scenes import statistics
from stages import dataset, kernels
from stages import test as test_stage
from stages.lib.common.data import keypoint_data
from support import ROOT, pose_data

HAND = {
    "joints": ["wrist", "left_thumb", "right_thumb", "left_little", "right_little"],
    "flips": [["left_thumb", "right_thumb"], ["right_little", "left_little"]],
    "limbs": [["wrist", "left_thumb"], ["wrist", "right_thumb"]],
    "sigmas": [0.1, 0.05, 0.05, 0.05, 0.05],
}


def written(directory, fields, name="hand"):
    path = directory / f"{name}.yaml"
    path.write_text(yaml.safe_dump(fields))
    return path


# -- files


def test_a_file_gives_joints_mirror_pairs_limbs_and_sigmas(tmp_path):
    skeleton = load(written(tmp_path, HAND))
    assert skeleton.name == "hand"
    assert skeleton.num_joints == 5
    assert skeleton.flip == (0, 2, 1, 4, 3)
    assert skeleton.limbs == ((0, 1), (0, 2))
    assert skeleton.sigmas == (0.1, 0.05, 0.05, 0.05, 0.05)


def test_limbs_may_be_left_out(tmp_path):
    assert load(written(tmp_path, {key: HAND[key] for key in ("joints", "flips", "sigmas")})).limbs == ()


@pytest.mark.parametrize("skeleton", [COCO, CROWDPOSE], ids=lambda skeleton: skeleton.name)
def test_the_built_in_skeletons_have_the_form_of_a_file(skeleton):
    assert from_fields(skeleton.name, skeleton.fields(), "here") == skeleton


def test_a_skeleton_is_found_by_its_name(tmp_path):
    written(tmp_path, HAND)
    assert find("coco", tmp_path) is COCO
    assert find("hand", tmp_path).num_joints == 5
    with pytest.raises(InputError, match=r"foot\.yaml is missing.*use one of coco, crowdpose, hand"):
        find("foot", tmp_path)


def test_the_files_of_the_project_can_be_read():
    files = sorted((ROOT / "skeletons").glob("*.yaml"))
    assert [load(file).name for file in files] == [file.stem for file in files]
    assert load(ROOT / "skeletons/lsp.yaml").joints == CROWDPOSE.joints


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"joints": []}, r"joints is empty"),
        ({"joints": "wrist"}, r"joints is 'wrist'; expected a list of names"),
        ({"joints": [1]}, r"joints holds 1; expected a list of names"),
        ({"joints": ["wrist", "wrist"]}, r"joints names wrist twice"),
        ({"flips": [["left_thumb"]]}, r"flips holds \['left_thumb'\]; expected a list of pairs"),
        ({"flips": [["left_thumb", "toe"]]}, r"flips names 'toe', which is not one of the joints"),
        ({"flips": [["wrist", "wrist"]]}, r"flips pairs wrist with itself"),
        (
            {"flips": [["wrist", "left_thumb"], ["left_thumb", "right_thumb"]]},
            r"flips names a joint of .* twice",
        ),
        ({"limbs": None}, r"limbs is None; expected a list of pairs"),
        ({"sigmas": [0.1] * 4}, r"sigmas has 4 numbers for 5 joints"),
        ({"sigmas": [0.1] * 4 + [0]}, r"sigmas holds 0; expected a list of positive numbers"),
        ({"sigmas": [0.1] * 4 + [float("nan")]}, r"sigmas holds nan"),
        ({"sigma": []}, r"unknown field sigma"),
    ],
)
def test_a_slip_is_told_with_file_and_field(tmp_path, change, sentence):
    path = written(tmp_path, HAND | change)
    with pytest.raises(InputError, match=rf"hand\.yaml: {sentence}"):
        load(path)


@pytest.mark.parametrize("field", ["joints", "flips", "sigmas"])
def test_a_missing_field_is_told(tmp_path, field):
    path = written(tmp_path, {key: value for key, value in HAND.items() if key != field})
    with pytest.raises(InputError, match=f"the field {field} is missing"):
        load(path)


def test_files_that_are_no_skeletons_are_told(tmp_path):
    with pytest.raises(InputError, match=r"absent\.yaml cannot be read"):
        load(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="expected the fields joints"):
        load(written(tmp_path, ["wrist"]))
    (tmp_path / "hand.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"hand\.yaml cannot be read"):
        load(tmp_path / "hand.yaml")


def test_the_name_of_a_built_in_skeleton_is_taken(tmp_path):
    with pytest.raises(InputError, match="the name coco is taken: rename the file"):
        load(written(tmp_path, HAND, "coco"))


# -- a data set


@pytest.fixture
def hand(tmp_path):
    return load(written(tmp_path, HAND))


def hands(skeleton, count=4):
    """A content of one hand per image, without crowdIndex and the fields that only COCO's files have."""
    rng = np.random.default_rng(0)
    people = []
    for image in range(1, count + 1):
        joints = np.column_stack([rng.uniform(20, 100, (5, 2)), np.full(5, 2)])
        people.append(pose_data.person(skeleton, joints, image))
    for entry in people:
        for field in ("area", "iscrowd", "num_keypoints"):
            del entry[field]
    content = pose_data.content(skeleton, people, ((120, 120),) * count)
    for image in content["images"]:
        del image["crowdIndex"]
    return content


def test_other_joints_are_evaluated_as_cocos(tmp_path, hand):
    content = hands(hand)
    file, _ = pose_data.write(tmp_path, content)
    right = [{**person, "score": 1.0} for person in content["annotations"]]
    assert evaluate(file, right, hand)["AP"] == 1
    moved = [{**person, "keypoints": (np.array(person["keypoints"]) + 60).tolist()} for person in right]
    assert evaluate(file, moved, hand)["AP"] == 0


def test_other_joints_are_counted_without_a_target(tmp_path, hand):
    file, _ = pose_data.write(tmp_path, hands(hand))
    numbers = statistics.compare(file, hand)
    assert numbers["labelled_mean"] == numbers["visible_mean"] == 5
    assert not [name for name in numbers if name.endswith(("_target", "_difference"))]


def test_joints_beyond_cocos_seventeen_are_grouped_too():
    heatmaps = torch.zeros(1, 20, 40, 40)
    for joint in range(20):
        heatmaps[0, joint, 2 * joint, 5] = 1
    ((people, _),) = group(heatmaps, torch.zeros(1, 20, 40, 40, 1), adjust=False, refine=False)
    assert people.shape == (1, 20, 4)
    assert people[0, :, 1].tolist() == list(range(0, 40, 2))


def test_other_joints_are_drawn(hand):
    image = np.zeros((120, 120, 3), np.uint8)
    person = np.column_stack([[10, 30, 50, 70, 90], [60] * 5, np.ones(5)])
    assert draw_people(image, [person], hand)[60, 20].any()  # between wrist and left thumb
    assert not draw_people(image, [person], hand)[60, 80].any()  # no limb between the little fingers


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with smoke's parameters, whose CrowdPose is a data set of hands in CrowdPose's layout."""
    torch.set_num_threads(1)
    root = tmp_path / "project"
    (root / "skeletons").mkdir(parents=True)
    monkeypatch.chdir(root)
    for name in ("profiles", "litepose"):  # a run is known by its code
        Path(name).symlink_to(ROOT / name)
    skeleton = load(written(root / "skeletons", HAND))
    (tmp_path / "photographs/json").mkdir(parents=True)
    content = hands(skeleton)
    pose_data.write(tmp_path / "photographs", content)
    for split in ("train", "val", "test"):
        (tmp_path / f"photographs/json/crowdpose_{split}.json").write_text(json.dumps(content))
    values = yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text())
    values["crowdpose"] |= {"source": "local", "root": str(tmp_path / "photographs"), "skeleton": "hand"}
    values["kernels"] |= {"resolution": 64, "epochs": 1}
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    return values


def test_five_joints_go_from_a_file_through_the_stages_to_an_ap(project, monkeypatch):
    monkeypatch.setattr("sys.argv", ["dataset", "crowdpose"])
    dataset.main(project)
    assert keypoint_data("crowdpose", project).skeleton == load(Path("skeletons/hand.yaml"))
    run = str(project["kernels"]["runs"][0])
    monkeypatch.setattr("sys.argv", ["kernels", run])
    kernels.main(project)
    monkeypatch.setattr("sys.argv", ["test", f"kernels/{run}", "crowdpose"])
    test_stage.main(project)
    assert 0 <= json.loads(Path(f"metrics/kernels/{run}.json").read_text())["AP"] <= 100
    found = json.loads(Path(f"data/predictions/kernels/{run}/0.json").read_text())["test"]
    assert {len(person["keypoints"]) for person in found} <= {15}
