"""Statistics of data sets and CrowdPose's own numbers."""

import json

import numpy as np
import pytest

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE
from scenes import statistics


def person(image_id, x, y, flag=2, number=1, joints=14):
    points = np.zeros((joints, 3))
    points[:, 0], points[:, 1], points[:, 2] = x + 5, y + np.linspace(1, 19, joints), flag
    return {"id": number, "image_id": image_id, "bbox": [x, y, 10, 20], "keypoints": points.ravel().tolist()}


def dataset(people, index=None):
    images = {p["image_id"] for p in people}
    extra = {} if index is None else {"crowdIndex": index}
    return {
        "images": [{"id": i, "width": 100, "height": 40} | extra for i in sorted(images)],
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
    }


def test_people_apart_are_not_crowded_and_people_on_one_spot_are():
    boxes = np.array([[0, 0, 10, 20], [50, 0, 10, 20]], float)
    keypoints = np.stack([np.reshape(person(1, x, 0)["keypoints"], (14, 3)) for x in (0, 50)])
    assert statistics.crowd_index(boxes, keypoints) == 0
    boxes[1, 0], keypoints[1, :, 0] = 0, 5
    assert statistics.crowd_index(boxes, keypoints) == 1


def test_crowding_counts_the_labelled_joints_of_others_in_ones_box():
    boxes = np.array([[0, 0, 10, 20], [2, 0, 10, 20]], float)
    keypoints = np.stack([np.reshape(person(1, x, 0)["keypoints"], (14, 3)) for x in (0, 20)])
    keypoints[1, :4, 0] = 9  # in both boxes; the rest of the second person is outside of both
    keypoints[0, :, 0] = 1  # in its own box only
    # first: 4 of others / 14 own; second: nobody else's joint / 4 own
    assert statistics.crowd_index(boxes, keypoints) == pytest.approx((4 / 14 + 0) / 2)
    keypoints[1, :2, 2] = 0
    assert statistics.crowd_index(boxes, keypoints) == pytest.approx((2 / 14 + 0) / 2)


def test_crowding_of_many_arrangements_is_that_of_each():
    rng = np.random.default_rng(0)
    boxes = np.concatenate([rng.uniform(0, 50, (5, 4, 2)), rng.uniform(10, 50, (5, 4, 2))], -1)
    keypoints = np.concatenate([rng.uniform(0, 100, (5, 4, 14, 2)), rng.integers(0, 3, (5, 4, 14, 1))], -1)
    each = [statistics.crowd_index(b, k) for b, k in zip(boxes, keypoints, strict=True)]
    assert statistics.crowd_index(boxes, keypoints) == pytest.approx(each)
    assert max(each) > 0


def test_a_description_counts_people_heights_and_joints():
    people = [person(1, 0, 0), person(1, 50, 0, flag=1), person(2, 0, 0, flag=0)]
    numbers = statistics.describe(dataset(people), CROWDPOSE)
    assert numbers["people_q50"] == 1.5
    assert numbers["height_q50"] == 0.5
    assert numbers["labelled_mean"] == pytest.approx(8)  # of the twelve joints that both skeletons share
    assert numbers["visible_mean"] == pytest.approx(4)
    assert numbers["unlabelled_share"] == pytest.approx(1 / 3)
    assert numbers["crowd_index_0.0_to_0.2"] == 1


def test_a_stored_crowding_index_is_believed():
    numbers = statistics.describe(dataset([person(1, 0, 0)], index=0.6), CROWDPOSE)
    assert numbers["crowd_index_0.6_to_0.8"] == 1


def test_the_target_is_crowdpose_vals():
    target = statistics.target()
    assert [target[f"people_q{q}"] for q in ("05", "25", "50", "75", "95")] == [1, 2, 3, 5, 13]
    heights = [target[f"height_q{q}"] for q in ("05", "25", "50", "75", "95")]
    assert heights == pytest.approx([0.06, 0.20, 0.45, 0.77, 0.94], abs=0.01)
    assert [target[f"labelled_q{q}"] for q in ("05", "25", "50", "75", "95")] == [0, 4, 8, 12, 12]
    assert target["unlabelled_share"] == pytest.approx(0.0585, abs=0.001)
    assert sum(x for name, x in target.items() if name.startswith("crowd_index")) == pytest.approx(1)


def test_filters_change_the_target_as_they_change_the_scenes():
    target = statistics.target(CROWDPOSE, min_height=0.25, max_people=4, max_crowd_index=0.5)
    assert target["height_q05"] > 0.25
    assert target["people_q95"] <= 4
    assert target["crowd_index_0.6_to_0.8"] == target["crowd_index_0.8_to_1.0"] == 0
    assert sum(x for name, x in target.items() if name.startswith("crowd_index")) == pytest.approx(1)


def test_coco_people_have_visible_joints_where_half_of_crowdpose_has_none_marked():
    assert statistics.target(COCO)["visible_mean"] > 1.3 * statistics.target(CROWDPOSE)["visible_mean"]


def test_a_comparison_holds_value_target_and_relative_difference(tmp_path):
    file = tmp_path / "annotations.json"
    file.write_text(json.dumps(dataset([person(1, 0, 0), person(1, 50, 0)])))
    rows = statistics.compare(file, CROWDPOSE)
    assert set(rows) == {f"{n}{s}" for n in statistics.target() for s in ("", "_target", "_difference")}
    assert rows["people_q75_target"] == 5
    assert rows["people_q75_difference"] == pytest.approx((2 - 5) / 5)


def test_an_unknown_height_filter_is_refused():
    with pytest.raises(InputError, match=r"min_height is 0\.17"):
        statistics.target(min_height=0.17)


def test_annotations_without_people_are_refused():
    with pytest.raises(InputError, match="no person"):
        statistics.describe({"images": [], "annotations": []}, CROWDPOSE)
