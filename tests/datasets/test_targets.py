"""Heatmaps, tag positions and masks against the released code's."""

import numpy as np
from pycocotools import mask as coco_mask

from litepose.datasets.targets import heatmaps, ignored_region, loss_mask, tag_positions
from support.pose_data import GOLDEN

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


def joints(*people):
    return np.array(people, float)


def test_heatmaps_equal_the_released_ones():
    golden = np.load(GOLDEN / "heatmap_31.npz")
    assert np.array_equal(heatmaps(golden["joints"], 128, float(golden["sigma"])), golden["heatmaps"])


def test_the_peak_is_at_the_position_cut_to_whole_pixels():
    maps = heatmaps(joints([[10.9, 20.2, 1]]), 64)
    assert np.unravel_index(maps[0].argmax(), (64, 64)) == (20, 10)
    assert maps[0, 20, 10] == 1


def test_where_people_meet_the_larger_value_stays():
    both = heatmaps(joints([[10, 10, 1]], [[14, 10, 1]]), 32)
    apart = [heatmaps(joints([[x, 10, 1]]), 32) for x in (10, 14)]
    assert np.array_equal(both, np.maximum(*apart))


def test_a_patch_at_the_border_is_cut_off_there():
    maps = heatmaps(joints([[0, 31, 1]]), 32)
    inside = heatmaps(joints([[16, 16, 1]]), 32)
    assert np.array_equal(maps[0, 20:, :8], inside[0, 5:17, 16:24])
    assert maps[0, :, 16:].max() == 0


def test_joints_outside_or_not_labelled_leave_no_trace():
    nowhere = joints([[-1, 5, 1], [5, 32, 1], [5, 5, 0]])
    assert heatmaps(nowhere, 32).max() == 0
    assert tag_positions(nowhere, 32, 4).max() == 0


def test_without_people_all_is_zero():
    assert heatmaps(np.zeros((0, 14, 3)), 32).shape == (14, 32, 32)
    assert tag_positions(np.zeros((0, 14, 3)), 32, 4).shape == (4, 14, 2)


def test_tag_positions_point_at_the_heatmaps_peaks():
    rng = np.random.default_rng(0)
    people = np.concatenate([rng.uniform(0, 48, (3, 14, 2)), np.ones((3, 14, 1))], 2)
    positions = tag_positions(people, 48, 5)
    assert positions[:3, :, 1].all()
    assert not positions[3:].any()
    assert (heatmaps(people, 48).reshape(-1)[positions[:3, :, 0]] == 1).all()


def test_people_beyond_the_maximum_are_dropped_from_the_tags():
    positions = tag_positions(np.ones((7, 14, 3)), 32, 5)
    assert positions.shape == (5, 14, 2)


def test_the_mask_is_zero_in_the_ignored_region_moved_with_the_view():
    region = np.zeros((60, 80), np.uint8, order="F")
    region[20:40, 10:30] = 1
    ignored = ignored_region(coco_mask.encode(region))
    assert np.array_equal(loss_mask(ignored, IDENTITY, 60), 1.0 - region[:, :60])
    moved = loss_mask(ignored, np.array([[1.0, 0, 5], [0, 1, 0]]), 60)
    assert np.array_equal(moved[:, 5:], 1.0 - region[:, :55])


def test_without_an_ignored_region_everything_counts():
    assert ignored_region(None) is None
    assert loss_mask(None, IDENTITY, 16).min() == 1
