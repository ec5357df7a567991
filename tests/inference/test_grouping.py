"""Decoding against the released decoder's results and a plain re-implementation of it."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from scipy.optimize import linear_sum_assignment

from litepose.core.skeletons import CROWDPOSE
from litepose.datasets.targets import heatmaps as draw_heatmaps
from litepose.evaluation import evaluate
from litepose.inference import Resizing
from litepose.inference.blocks import Tags
from litepose.inference.grouping import group
from support import plain_decoder
from support.pose_data import GOLDEN, crowdpose_val

torch.set_num_threads(1)  # small maps: threads would only wait for each other


def golden(number):
    arrays = np.load(GOLDEN / f"group_{number}.npz")
    maps = (torch.from_numpy(arrays[name]).float() for name in ("det", "tag"))
    return *maps, arrays["people"], arrays["scores"]


@pytest.mark.parametrize("number", [1, 2, 5])
def test_people_and_scores_equal_the_released_decoders(number):
    heatmaps, tags, people, scores = golden(number)
    ((found, found_scores),) = group(heatmaps, tags)
    assert found.shape == people.shape
    assert found == pytest.approx(people, abs=1e-5)
    assert found_scores == pytest.approx(scores, abs=1e-6)


def test_a_recorded_crowd_differs_only_by_the_choice_among_equal_assignments():
    heatmaps, tags, people, scores = golden(4)  # recorded with SciPy's choice

    def scipy_choice(cost):
        return zip(*linear_sum_assignment(cost), strict=True)

    found, found_scores = plain_decoder.group(heatmaps[0], tags[0], solve=scipy_choice)
    assert np.array(found) == pytest.approx(people, abs=1e-5)
    assert found_scores == pytest.approx(scores, abs=1e-6)
    expected, expected_scores = plain_decoder.group(heatmaps[0], tags[0])
    ((found, found_scores),) = group(heatmaps, tags)
    assert found == pytest.approx(np.array(expected), abs=1e-5)
    assert found_scores == pytest.approx(expected_scores, abs=1e-6)


@pytest.mark.parametrize(("people", "size"), [(1, 96), (4, 128), (12, 128), (20, 96)])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_plain_loops_give_the_same_people(people, size, seed):
    heatmap, tag = plain_decoder.scene(people, size, seed=seed)
    expected, expected_scores = plain_decoder.group(heatmap, tag)
    ((found, scores),) = group(heatmap[None], tag[None])
    assert found == pytest.approx(np.array(expected), abs=1e-4)
    assert scores == pytest.approx(np.array(expected_scores), abs=1e-5)


@pytest.mark.parametrize("shape", [(70, 90), (33, 17), (16, 128)])
def test_maps_of_any_size_are_searched_to_their_borders(shape):
    heatmap, tag = (maps[:, : shape[0], : shape[1]] for maps in plain_decoder.scene(3, 128, missing=0.5))
    heatmap[3, -1, -1] = 0.9  # a peak in the corner
    expected, _ = plain_decoder.group(heatmap.contiguous(), tag.contiguous())
    ((found, _),) = group(heatmap[None], tag[None])
    assert found == pytest.approx(np.array(expected), abs=1e-4)


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("size", [(96, 128), (64, 32), (80, 48)])
def test_tags_that_are_up_sampled_where_they_are_looked_at_give_the_same_people(factor, size):
    heatmap, tag = (maps[:, : size[0], : size[1]] for maps in plain_decoder.scene(6, 128, missing=0.5))
    small = [component[None, :, ::factor, ::factor].contiguous() for component in tag.unbind(-1)]
    large = [functional.interpolate(component, size, mode="bilinear") for component in small]
    ((expected, scores),) = group(heatmap[None], torch.stack(large, -1))
    ((found, found_scores),) = group(heatmap[None], Tags.of(small, size))
    assert Tags.of(small, size).factor == factor
    assert len(expected)
    assert found == pytest.approx(expected, abs=1e-4)
    assert found_scores == pytest.approx(scores, abs=1e-6)


def test_tags_whose_size_does_not_divide_that_of_the_heatmaps_are_up_sampled_as_a_whole():
    tags = Tags.of([torch.rand(1, 2, 20, 32)], (48, 64))
    assert tags.factor == 1
    assert tags.components[0].shape == (1, 2, 48, 64)


def test_a_batch_gives_each_image_what_it_gives_alone():
    scenes = [plain_decoder.scene(people, 96, seed=people) for people in (0, 3, 1)]
    scenes[0][0].mul_(0.0)
    together = group(*(torch.stack(maps) for maps in zip(*scenes, strict=True)))
    assert len(together[0][0]) == 0
    assert len(together[1][0]) >= 3
    for (heatmap, tag), (people, scores) in zip(scenes, together, strict=True):
        ((alone, alone_scores),) = group(heatmap[None], tag[None])
        assert np.array_equal(people, alone)
        assert np.array_equal(scores, alone_scores)


def two_people():
    """Two joints of two people whose tags are 0 and 5; the second person lacks joint 1."""
    heatmaps, tags = torch.zeros(1, 2, 32, 32), torch.full((1, 2, 32, 32, 1), 9.0)
    for joint, x, tag, value in ((0, 4, 0.0, 0.9), (0, 20, 5.0, 0.8), (1, 6, 0.2, 0.7)):
        heatmaps[0, joint, 10, x] = value
        tags[0, joint, 10, x] = tag
    return heatmaps, tags


def test_peaks_with_near_tags_are_one_person():
    ((people, scores),) = group(*two_people(), adjust=False, refine=False)
    assert people[:, :, 0].tolist() == [[4, 6], [20, 0]]
    assert people[0, :, 2] == pytest.approx([0.9, 0.7])
    assert scores == pytest.approx([0.8, 0.4])


def test_a_missing_joint_is_read_where_heatmap_and_tag_fit_best():
    heatmaps, tags = two_people()
    heatmaps[0, 1, 12, 22] = 0.05  # too weak for a peak
    tags[0, 1, 12, 22] = 5.1
    ((people, _),) = group(heatmaps, tags, adjust=False)
    assert people[1, 1] == pytest.approx([22.25, 12.25, 0.05, 0], abs=1e-6)


def test_a_joint_without_any_heatmap_stays_missing():
    heatmaps, tags = two_people()
    heatmaps[0, 1] = 0
    ((people, _),) = group(heatmaps, tags)
    assert not people[:, 1].any()


def test_joints_move_a_quarter_of_a_pixel_towards_the_larger_neighbour():
    heatmaps, tags = two_people()
    heatmaps[0, 0, 10, 5] = heatmaps[0, 0, 9, 4] = 0.3
    ((people, _),) = group(heatmaps, tags)
    assert people[0, 0, :2].tolist() == [4.75, 10.25]


def test_peaks_below_the_detection_threshold_are_no_people():
    ((people, _),) = group(*two_people(), detection_threshold=0.85)
    assert len(people) == 1


def test_the_weaker_of_two_peaks_in_a_window_is_suppressed():
    heatmaps, tags = two_people()
    heatmaps[0, 0, 11, 6] = 0.85  # two pixels from the stronger one, with a tag of its own
    assert len(group(heatmaps, tags)[0][0]) == 2
    assert len(group(heatmaps, tags, nms_kernel=3)[0][0]) == 3


def test_only_the_best_peaks_of_a_joint_count():
    heatmaps, tags = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64, 1)
    places = torch.arange(0, 64, 8)
    heatmaps[0, 0, places, places] = torch.linspace(0.2, 0.9, 8)
    tags[0, 0, places, places, 0] = torch.arange(8.0) * 3
    ((people, _),) = group(heatmaps, tags, max_people=3)
    assert people[:, 0, 2] == pytest.approx([0.9, 0.8, 0.7])


def perfect_maps(joints, resizing):
    """What a faultless network would give at stride 2, up-sampled: [1, 14, H, W] and [1, 14, H, W, 1]."""
    width, height = resizing.width // 2, resizing.height // 2
    people = joints.copy()
    people[..., :2] = (joints[..., :2] * resizing.scale + np.array(resizing.shift)) / 2
    heat = draw_heatmaps(people, max(width, height))[:, :height, :width]
    tags = np.zeros((14, height, width), np.float32)
    for number, person in enumerate(people):
        for joint, (x, y, _) in enumerate(np.trunc(person).astype(int)):
            tags[joint, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = 3 * number
    maps = torch.from_numpy(np.stack([heat, tags]))
    large = functional.interpolate(maps, scale_factor=2, mode="bilinear")
    return large[:1], large[1:, ..., None]


def collide(joints, scale):
    """Whether two people have the same joint within 16 input pixels, where two Gaussians melt into one."""
    distance = np.linalg.norm(joints[:, None, :, :2] - joints[None, :, :, :2], axis=3) * scale
    distance[np.eye(len(joints), dtype=bool)] = np.inf
    both = (joints[:, None, :, 2] > 0) & (joints[None, :, :, 2] > 0)
    return (distance[both] < 16).any()


@pytest.mark.parametrize(("collisions", "least"), [(False, 0.999), (True, 0.95)])
def test_perfect_maps_of_real_crowds_lose_precision_only_by_collisions(tmp_path, collisions, least):
    truth, _ = crowdpose_val()
    people = {image["id"]: [] for image in truth["images"]}
    for annotation in truth["annotations"]:
        joints = np.array(annotation["keypoints"], float).reshape(14, 3)
        if joints[:, 2].any() and not annotation["iscrowd"]:
            people[annotation["image_id"]].append(joints)
    chosen, detections = [], []
    for image in truth["images"]:
        resizing = Resizing.fit(image["width"], image["height"], 512)
        joints = np.array(people[image["id"]])
        if len(joints) < 2 or len(chosen) == 10 or collide(joints, resizing.scale) != collisions:
            continue
        chosen.append(image)
        ((found, scores),) = group(*perfect_maps(joints, resizing))
        found[..., :2] = resizing.to_image(found[..., :2], resizing.width, resizing.height)
        detections += [
            {"image_id": image["id"], "category_id": 1, "keypoints": keypoints, "score": score}
            for keypoints, score in zip(
                found[..., :3].reshape(len(found), 42).tolist(), scores.tolist(), strict=True
            )
        ]
    ids = {image["id"] for image in chosen}
    truth["images"] = chosen
    truth["annotations"] = [entry for entry in truth["annotations"] if entry["image_id"] in ids]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    assert evaluate(tmp_path / "truth.json", detections, CROWDPOSE)["AP"] >= least
