"""Average precision against CrowdPose's own tools and in the corner cases."""

import json

import numpy as np
import pose_data
import pytest
from pose_data import content, person

from litepose.errors import InputError
from litepose.evaluation import COCO_METRICS, CROWDPOSE_METRICS, evaluate
from litepose.skeletons import COCO, CROWDPOSE


@pytest.fixture(scope="module")
def crowdpose_val(tmp_path_factory):
    truth, detections = pose_data.crowdpose_val()
    file = tmp_path_factory.mktemp("crowdpose") / "val.json"
    file.write_text(json.dumps(truth))
    return file, detections


def test_crowdpose_equals_its_own_evaluator(crowdpose_val):
    file, detections = crowdpose_val
    expected = {
        "AP": 0.4314,
        "AP50": 0.7658,
        "AP75": 0.3743,
        "AR": 0.5943,
        "AR50": 0.8267,
        "AR75": 0.5790,
        "AP_easy": 0.4369,
        "AP_medium": 0.4322,
        "AP_hard": 0.4417,
    }
    assert evaluate(file, detections, CROWDPOSE) == pytest.approx(expected, abs=1e-4)


def written(tmp_path, skeleton, joints, **options):
    people = [person(skeleton, entry, number) for number, entry in enumerate(joints, 1)]
    truth = content(skeleton, people, [(200, 200)] * len(joints), **options)
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    return file


def perfect(joints):
    return [
        {"image_id": number, "category_id": 1, "keypoints": entry.reshape(-1).tolist(), "score": 0.9}
        for number, entry in enumerate(joints, 1)
    ]


def random_people(skeleton, count=4):
    rng = np.random.default_rng(0)
    shape = (count, skeleton.num_joints)
    return np.concatenate([rng.uniform(20, 180, (*shape, 2)), np.full((*shape, 1), 2)], 2)


def test_perfect_coco_detections_score_one(tmp_path):
    joints = random_people(COCO)
    metrics = evaluate(written(tmp_path, COCO, joints), perfect(joints), COCO)
    assert tuple(metrics) == COCO_METRICS
    assert metrics == pytest.approx(dict.fromkeys(COCO_METRICS, 1.0) | {"AP_medium": 0.0})  # all are large


def test_half_of_the_people_found_give_half_the_recall(tmp_path):
    joints = random_people(COCO)
    metrics = evaluate(written(tmp_path, COCO, joints), perfect(joints)[:2], COCO)
    assert metrics["AR"] == pytest.approx(0.5)
    assert 0.4 < metrics["AP"] < 0.6


def test_joints_that_are_off_lower_the_strict_precision_first(tmp_path):
    joints = random_people(COCO)
    moved = joints + np.array([9, 0, 0])
    metrics = evaluate(written(tmp_path, COCO, joints), perfect(moved), COCO)
    assert metrics["AP50"] == 1
    assert metrics["AP"] < 0.9


@pytest.mark.parametrize(("crowd", "name"), [(0.1, "AP_easy"), (0.5, "AP_medium"), (0.9, "AP_hard")])
def test_images_are_split_by_their_crowd_index_and_an_empty_split_scores_zero(tmp_path, crowd, name):
    joints = random_people(CROWDPOSE)
    metrics = evaluate(written(tmp_path, CROWDPOSE, joints, crowd=crowd), perfect(joints), CROWDPOSE)
    splits = {split: metrics[split] for split in ("AP_easy", "AP_medium", "AP_hard")}
    assert splits == pytest.approx({"AP_easy": 0, "AP_medium": 0, "AP_hard": 0} | {name: 1})
    assert metrics["AP"] == pytest.approx(1)


@pytest.mark.parametrize(("skeleton", "names"), [(COCO, COCO_METRICS), (CROWDPOSE, CROWDPOSE_METRICS)])
def test_no_detections_score_zero(tmp_path, skeleton, names):
    file = written(tmp_path, skeleton, random_people(skeleton))
    assert evaluate(file, [], skeleton) == dict.fromkeys(names, 0.0)


@pytest.mark.parametrize("skeleton", [COCO, CROWDPOSE])
def test_annotations_may_be_numbered_from_zero(tmp_path, skeleton):
    joints = random_people(skeleton)
    file = written(tmp_path, skeleton, joints)
    truth = json.loads(file.read_text())
    for annotation in truth["annotations"]:
        annotation["id"] -= 1
    file.write_text(json.dumps(truth))
    assert evaluate(file, perfect(joints), skeleton)["AP"] == pytest.approx(1)


def test_the_evaluators_print_nothing_and_change_nothing(tmp_path, capfd):
    joints = random_people(COCO)
    detections = perfect(joints)
    before = json.dumps(detections)
    evaluate(written(tmp_path, COCO, joints), detections, COCO)
    assert json.dumps(detections) == before
    assert capfd.readouterr() == ("", "")


def test_crowdpose_annotations_without_crowd_index_are_refused(tmp_path):
    file = written(tmp_path, CROWDPOSE, random_people(CROWDPOSE))
    truth = json.loads(file.read_text())
    del truth["images"][2]["crowdIndex"]
    file.write_text(json.dumps(truth))
    with pytest.raises(InputError, match="crowdIndex"):
        evaluate(file, [], CROWDPOSE)
