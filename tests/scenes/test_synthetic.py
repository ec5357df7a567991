"""Drawn scenes: files, determinism, keypoints where the eye says they are."""

import json
import os

import cv2
import numpy as np
import pytest

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE
from scenes import SceneSettings, files, statistics, write, write_classification
from scenes.body import build_body
from scenes.files import image_rng
from scenes.layout import STEPS
from scenes.looks import sample_look
from scenes.parts import SHOWS, Part
from scenes.person import draw_person
from scenes.poses import joints_from_vectors, sample_poses, vectors_from_joints
from scenes.scene import draw_scene

SMALL = SceneSettings(short_side=96, min_height=0.3, max_people=3, max_crowd_index=0.7, jpeg_quality=90)


def contents(root):
    return {str(f.relative_to(root)): f.read_bytes() for f in sorted(root.rglob("*")) if f.is_file()}


def scenes(skeleton, count, settings=SMALL):
    for index in range(count):
        yield draw_scene(skeleton, settings, np.mod(0.1 + index * STEPS, 1), image_rng(0, "test", index))


def frontal_joints():
    x = [0.15, -0.15, 0.2, -0.2, 0.22, -0.22, 0.09, -0.09, 0.1, -0.1, 0.1, -0.1, 0, 0]
    y = [0.03, 0.03, 0.25, 0.25, 0.45, 0.45, 0.42, 0.42, 0.7, 0.7, 1, 1, -0.22, 0]
    return np.stack([x, y], 1)


def test_the_same_seed_gives_the_same_bytes_for_any_number_of_workers(tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        write(tmp_path / name, CROWDPOSE, {"train": 6, "val": 2}, SMALL, 3, workers)
    assert len(contents(tmp_path / "one")) == 10
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_and_another_split_give_other_scenes(tmp_path):
    for seed in (0, 1):
        write(tmp_path / str(seed), COCO, {"train": 1, "val": 1}, SMALL, seed, 1)
    pictures = [b for root in "01" for f, b in contents(tmp_path / root).items() if f.endswith("jpg")]
    assert len(set(pictures)) == 4


def test_crowdpose_files_are_in_crowdposes_layout(tmp_path):
    write(tmp_path, CROWDPOSE, {"train": 3, "test": 2}, SMALL, 0, 1)
    files = {
        split: json.loads((tmp_path / f"json/crowdpose_{split}.json").read_text())
        for split in ("train", "test")
    }
    names = [image["file_name"] for file in files.values() for image in file["images"]]
    assert len(set(names)) == 5
    assert files["train"]["categories"][0]["keypoints"] == list(CROWDPOSE.joints)
    for image in files["train"]["images"]:
        picture = cv2.imread(str(tmp_path / "images" / image["file_name"]))
        assert picture.shape[:2] == (image["height"], image["width"])
        assert min(picture.shape[:2]) == 96
        assert 0 <= image["crowdIndex"] <= 0.7
    for person in files["train"]["annotations"]:
        flags = np.reshape(person["keypoints"], (14, 3))[:, 2]
        assert person["num_keypoints"] == (flags > 0).sum()
        assert flags[12:].max() <= 1  # CrowdPose marks no head or neck as visible


def test_coco_files_hold_the_area_of_what_is_seen(tmp_path):
    write(tmp_path, COCO, {"val": 6}, SMALL, 0, 1)
    file = json.loads((tmp_path / "annotations/person_keypoints_val2017.json").read_text())
    assert {f.name for f in (tmp_path / "val2017").iterdir()} == {
        image["file_name"] for image in file["images"]
    }
    for person in file["annotations"]:
        outlines = [np.reshape(polygon, (-1, 2)).astype(np.int32) for polygon in person["segmentation"]]
        mask = np.zeros((200, 200), np.uint8)
        cv2.fillPoly(mask, outlines, 1)
        assert len(person["keypoints"]) == 51
        assert mask.sum() == pytest.approx(person["area"], rel=0.35, abs=25)


def test_visible_joints_lie_on_the_person_and_labelled_ones_in_its_box():
    visible = on_person = 0
    for scene in scenes(COCO, 12):
        for points, box, mask in zip(scene.keypoints, scene.boxes, scene.masks, strict=True):
            labelled = points[points[:, 2] > 0, :2]
            assert (labelled >= box[:2] - 1).all() and (labelled <= box[:2] + box[2:] + 1).all()
            near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
            x, y = np.rint(points[points[:, 2] == 2, :2]).astype(int).T
            visible, on_person = visible + len(x), on_person + int(near[y, x].sum())
    assert visible > 80
    assert on_person == visible


def test_joints_are_drawn_where_they_are_annotated():
    rng = np.random.default_rng(0)
    shown = []
    for pose in sample_poses(rng, 30):
        middle = (pose.min(0) + pose.max(0)) / 2
        body = build_body(pose, rng).placed(150, np.array([200, 200]) - 150 * middle)
        layer = draw_person(body, sample_look(rng), np.array([0.6, -0.8]), (400, 400), rng)
        x, y = np.rint(body.joints - [layer.left, layer.top]).astype(int).T
        parts = layer.parts[np.clip(y, 0, layer.parts.shape[0] - 1), np.clip(x, 0, layer.parts.shape[1] - 1)]
        shown.append(SHOWS[np.arange(14), parts] | (parts != Part.NONE))
    # The top of the head is the silhouette's edge; all others are inside it.
    assert np.mean(np.array(shown)[:, [*range(12), 13]]) > 0.995


def test_a_person_seen_from_the_front_shows_a_face_and_has_the_left_side_on_the_right():
    rng = np.random.default_rng(0)
    body = build_body(frontal_joints(), rng)
    assert np.cos(body.yaw) > 0.9
    from_behind = frontal_joints()[[*CROWDPOSE.flip]]
    assert np.cos(build_body(from_behind, rng).yaw) < -0.9
    for pose, seen in ((frontal_joints(), True), (from_behind, False)):
        eyes = 0
        for _ in range(10):
            drawn = build_body(pose, rng).placed(150, np.array([100.0, 60.0]))
            look = sample_look(rng)
            parts = draw_person(drawn, look, np.array([0.6, -0.8]), (200, 250), rng).parts
            eyes += np.isin(parts, [Part.EYE, Part.PUPIL, Part.GLASSES]).any()
        assert eyes >= 8 if seen else eyes <= 2


def test_face_points_on_the_far_side_of_the_head_are_not_visible():
    body = build_body(frontal_joints(), np.random.default_rng(1))
    turned = {
        yaw: type(body)(**{**vars(body), "head_yaw": np.radians(yaw)}).face()[1].tolist()
        for yaw in (0, 80, 180)
    }
    nose, left_eye, right_eye, left_ear, right_ear = range(5)
    assert all(turned[0][:3])
    assert (
        turned[80][nose] and turned[80][right_ear] and not turned[80][left_ear] and not turned[80][left_eye]
    )
    assert not any(turned[180][:3]) and turned[180][left_ear] and turned[180][right_ear]
    assert right_eye == COCO.joints.index("right_eye")


def test_limb_vectors_and_joints_tell_the_same():
    joints = frontal_joints()[None] * 100 + 7
    again = joints_from_vectors(vectors_from_joints(joints))[0]
    scale = np.ptp(joints[0, :, 1]) / np.ptp(again[:, 1])
    assert again * scale == pytest.approx(joints[0] - joints[0, 13], abs=1e-6)


def test_drawn_poses_are_mostly_upright_with_heads_above_hips():
    poses = sample_poses(np.random.default_rng(0), 300)
    upright = poses[:, 12, 1] < poses[:, 6:8, 1].mean(1)
    assert 0.9 < upright.mean() <= 1
    left_first = poses[:, 0, 0] > poses[:, 1, 0]  # seen from the front
    assert 0.5 < left_first.mean() < 0.95


def test_statistics_follow_the_target():
    settings = SceneSettings(short_side=64)
    drawn = list(scenes(CROWDPOSE, 120, settings))
    people = [len(scene.boxes) for scene in drawn]
    heights = np.concatenate([scene.boxes[:, 3] / scene.picture.shape[0] for scene in drawn])
    target = statistics.target()
    assert np.percentile(people, [25, 50, 75]) == pytest.approx(
        [target[f"people_q{q}"] for q in (25, 50, 75)], abs=1
    )
    assert np.median(heights) == pytest.approx(target["height_q50"], rel=0.25)
    indices = np.array([scene.crowd_index for scene in drawn])
    assert ((indices > 0.4) & (indices < 0.8)).mean() == pytest.approx(0.41, abs=0.15)


def test_filters_hold_for_every_scene():
    for scene in scenes(CROWDPOSE, 15):
        assert len(scene.boxes) <= 3
        assert scene.crowd_index <= 0.7


def test_a_split_without_images_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="val asks for 0 images"):
        write(tmp_path / "out", COCO, {"train": 1, "val": 0}, SMALL, 0, 1)
    assert not (tmp_path / "out").exists()


def test_classification_images_come_in_ten_folders_and_repeat(tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        write_classification(tmp_path / name, {"train": 20, "val": 10}, 48, 0, workers)
    first = contents(tmp_path / "one")
    assert first == contents(tmp_path / "two")
    assert len({f.split("/")[1] for f in first}) == 10
    assert sum(f.startswith("train") for f in first) == 20
    assert len(set(first.values())) == 30
    assert cv2.imread(str(tmp_path / "one" / next(iter(first)))).shape == (48, 48, 3)


def test_fewer_images_than_classes_are_refused(tmp_path):
    with pytest.raises(InputError, match="at least 10"):
        write_classification(tmp_path, {"train": 9}, 48, 0, 1)


def test_a_drawing_process_that_is_ended_is_told_instead_of_waited_for():
    with pytest.raises(InputError, match="draw people: a process that draws was ended from outside"):
        files.parallel(os._exit, [1, 1], 2, "draw people")
