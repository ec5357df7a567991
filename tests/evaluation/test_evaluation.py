"""Average precision against CrowdPose's own tools and in the corner cases."""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.evaluation import COCO_METRICS, CROWDPOSE_METRICS, evaluate
from support.pose_data import content, person


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


def test_a_crowd_index_that_is_missing_is_computed_and_told(tmp_path, caplog):
    joints = random_people(CROWDPOSE)
    file = written(tmp_path, CROWDPOSE, joints, crowd=0.9)
    truth = json.loads(file.read_text())
    del truth["images"][2]["crowdIndex"]  # one person alone, in no crowd
    file.write_text(json.dumps(truth))
    scores = evaluate(file, perfect(joints), CROWDPOSE)
    assert scores["AP_easy"] == scores["AP_hard"] == pytest.approx(1)
    assert "1 of 4 images have no crowdIndex: it is computed" in caplog.text


def test_detections_in_other_images_do_not_count(tmp_path):
    joints = random_people(COCO)
    file = written(tmp_path, COCO, joints)
    wrong = [{**entry, "score": 1.0, "keypoints": [0.0] * 51} for entry in perfect(joints)[2:]]
    assert evaluate(file, [*perfect(joints), *wrong], COCO, [1, 2])["AP"] == pytest.approx(1)


def test_detections_of_another_file_are_refused(tmp_path):
    file = written(tmp_path, COCO, random_people(COCO))
    with pytest.raises(InputError, match="image 5 is not in the file"):
        evaluate(file, perfect(random_people(COCO, 5)), COCO)


@pytest.mark.skipif(
    not importlib.util.find_spec("crowdposetools"), reason="crowdposetools is not installed: not on PyPI"
)
def test_both_evaluators_of_crowdpose_agree(crowdpose_val):
    file, detections = crowdpose_val
    theirs = evaluate(file, detections, CROWDPOSE, evaluator="crowdposetools")
    assert theirs == pytest.approx(evaluate(file, detections, CROWDPOSE), abs=5e-5)  # splits have four digits


def test_crowdposetools_is_used_where_it_is_chosen(tmp_path, monkeypatch):
    class Dataset:
        def __init__(self, path):
            self.content = json.loads(Path(path).read_text())

        def loadRes(self, path):
            return Dataset(path)

    class Evaluator:
        def __init__(self, truth, results, kind):
            assert kind == "keypoints"
            assert len(truth.content["annotations"]) == len(results.content) == 4
            assert float is float  # gone from NumPy 1.24 on

        def evaluate(self):
            self.stats = []

        def accumulate(self):
            self.stats = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]

        def summarize(self):
            self.stats.append(-1.0)

    names = ("crowdposetools", "crowdposetools.coco", "crowdposetools.cocoeval")
    for name, attributes in zip(names, ({}, {"COCO": Dataset}, {"COCOeval": Evaluator}), strict=True):
        module = types.ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    joints = random_people(CROWDPOSE)
    file = written(tmp_path, CROWDPOSE, joints)
    scores = evaluate(file, perfect(joints), CROWDPOSE, evaluator="crowdposetools")
    assert list(scores.values()) == [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.0]
    assert not hasattr(np, "float")


def test_crowdposetools_that_is_not_installed_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "crowdposetools", None)
    joints = random_people(CROWDPOSE)
    with pytest.raises(InputError, match=r"crowdposetools cannot be imported .* use the evaluator"):
        evaluate(written(tmp_path, CROWDPOSE, joints), perfect(joints), CROWDPOSE, evaluator="crowdposetools")


def test_an_unknown_evaluator_is_refused(tmp_path):
    with pytest.raises(InputError, match="'cocoeval' of CrowdPose is unknown"):
        evaluate(written(tmp_path, COCO, random_people(COCO)), [], COCO, evaluator="cocoeval")
