"""What the decoder finds with true tags or with true heatmaps: where a network loses average precision."""

import numpy as np
import pytest
import torch

from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import annotations
from litepose.inference import predict
from litepose.inference.prediction import predict_changed, unchanged
from litepose.inference.truth import Truth
from support import pose_data

SIZE, JOINTS = 128, CROWDPOSE.num_joints
WIDTH, HEIGHT = 192, 144


def grid(left):
    """A person's joints [J, 3], well apart, in the part of an image that begins at a column."""
    column, row = np.divmod(np.arange(JOINTS), 5)
    return np.stack([left + 16 * column, 20 + 24 * row, np.full(JOINTS, 2)], 1).astype(float)


@pytest.fixture
def images(tmp_path):
    """An image with two people and a crowd, and one with nobody."""
    people = [grid(20), grid(110), grid(65)]
    entries = [
        pose_data.person(CROWDPOSE, joints, iscrowd=int(one == 2)) for one, joints in enumerate(people)
    ]
    split = pose_data.write(tmp_path, pose_data.content(CROWDPOSE, entries, sizes=[(WIDTH, HEIGHT)] * 2))
    return annotations.load(*split, CROWDPOSE)


class Blank(torch.nn.Module):
    """Predicts the same heatmap value and tag everywhere, and counts its calls."""

    def __init__(self, heat=0.0, tag=0.0):
        super().__init__()
        self.heat, self.tag, self.calls = heat, tag, 0

    def forward(self, images):
        self.calls += 1
        batch, _, height, width = images.shape
        coarse = torch.full((batch, 2 * JOINTS, height // 4, width // 4), self.heat)
        coarse[:, JOINTS:] = self.tag
        return [coarse, torch.full((batch, JOINTS, height // 2, width // 2), self.heat)]


class Halves(Blank):
    """Tells the left half of an image from the right one by its tags, and sees no joint."""

    def forward(self, images):
        coarse, fine = super().forward(images)
        coarse[:, JOINTS:, :, coarse.shape[3] // 2 :] = 5.0
        return [coarse, fine]


def find(network, images, *changes, flip=False):
    return predict_changed(network, images, CROWDPOSE, SIZE, changes, flip=flip)


def places(detections):
    """Joints [P, J, 2] of the detections in the first image, from left to right."""
    found = [d["keypoints"] for d in detections if d["image_id"] == 1]
    joints = np.array(found).reshape(-1, JOINTS, 3)[..., :2]
    return joints[joints[:, :, 0].mean(1).argsort()]


def assert_both_are_found(detections, images):
    people = images.images[0].keypoints[:2, :, :2]
    assert {detection["image_id"] for detection in detections} == {1}
    assert places(detections) == pytest.approx(people, abs=2.5)


@pytest.mark.parametrize("flip", [False, True])
def test_with_both_halves_of_the_truth_everybody_but_a_crowd_is_found_where_annotated(images, flip):
    truth = Truth.of(images)
    (found,) = find(
        Blank(), images, lambda maps, views: truth.tags(truth.heatmaps(maps, views), views), flip=flip
    )
    assert_both_are_found(found, images)


def test_with_both_halves_of_the_truth_everybody_in_a_panorama_is_found_once(tmp_path):
    people = [grid(left) for left in (20, 150, 330, 480, 700, 1000)]
    entries = [pose_data.person(CROWDPOSE, joints) for joints in people]
    split = pose_data.write(tmp_path, pose_data.content(CROWDPOSE, entries, sizes=[(1152, HEIGHT)]))
    images = annotations.load(*split, CROWDPOSE)
    truth = Truth.of(images)
    (found,) = find(Blank(), images, lambda maps, views: truth.tags(truth.heatmaps(maps, views), views))
    sure = [one for one in found if one["score"] > 0.5]
    assert places(sure) == pytest.approx(np.array(people)[..., :2], abs=2.5)


def test_with_true_heatmaps_it_is_the_network_s_tags_that_tell_people_apart(images):
    truth = Truth.of(images)
    assert_both_are_found(find(Halves(), images, truth.heatmaps)[0], images)
    alike = [found for found in find(Blank(), images, truth.heatmaps)[0] if found["image_id"] == 1]
    assert len(alike) == 1


def test_with_true_tags_joints_are_sought_where_the_network_sees_them(images):
    truth = Truth.of(images)
    (found,) = find(Blank(), images, truth.tags)
    assert found == []
    shifted = Truth({number: people + np.array([4, 0, 0]) for number, people in truth.people.items()})
    (found,) = find(Blank(), images, lambda maps, views: truth.tags(shifted.heatmaps(maps, views), views))
    people = images.images[0].keypoints[:2, :, :2] + np.array([4, 0])
    assert places(found) == pytest.approx(people, abs=2.5)


def test_what_the_network_sees_where_no_joint_is_belongs_to_nobody_annotated(images):
    truth = Truth.of(images)
    elsewhere = Truth({1: np.array([grid(65)]), 2: np.zeros((0, JOINTS, 3))})
    (found,) = find(Blank(), images, lambda maps, views: truth.tags(elsewhere.heatmaps(maps, views), views))
    assert np.abs(places(found)[:, :, 0] - grid(65)[:, 0]).max() < 2.5
    tags = truth.tags(unchanged_maps(images), views(images)).tags[0]
    assert set(tags[0].unique().tolist()) == {-10_000.0, 10.0, 20.0}
    assert tags[1].unique().tolist() == [-10_000.0]


def views(images):
    """How the images are looked at."""
    seen = []
    find(Blank(), images, lambda maps, some: seen.extend(some) or maps)
    return seen


def unchanged_maps(images):
    """What the blank network predicts of all images."""
    kept = []
    find(Blank(), images, lambda maps, some: kept.append(maps) or maps)
    (maps,) = kept
    return maps


def test_the_network_runs_once_for_all_changes_and_unchanged_ones_give_what_prediction_gives(images):
    network, truth = Halves(heat=0.5), Truth.of(images)
    plain, *_ = find(network, images, unchanged, truth.tags, truth.heatmaps)
    assert network.calls == 1
    assert plain == predict(Halves(heat=0.5), images, CROWDPOSE, SIZE, flip=False)
    assert plain
    again = find(network, images, truth.heatmaps, truth.tags, unchanged)
    assert again[2] == plain
