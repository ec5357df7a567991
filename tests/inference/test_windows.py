"""Panoramas are looked at in overlapping windows."""

from itertools import pairwise

import numpy as np
import pytest

from litepose.inference.windows import merged, windows


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (400, 100), (100, 900), (100000, 100)])
def test_images_of_common_shapes_tall_ones_and_boundless_ones_are_looked_at_as_a_whole(size):
    (window,) = windows(*size)
    assert (window.left, window.right) == (0, size[0])
    assert window.owns(np.array([[-5.0, 3.0, 0.1]]))


@pytest.mark.parametrize("size", [(401, 100), (3600, 450), (5000, 333)])
def test_windows_cover_the_image_and_share_at_least_half_with_their_neighbours(size):
    found = windows(*size)
    assert found[0].left == 0
    assert found[-1].right == size[0]
    for one, other in pairwise(found):
        assert one.right - one.left == round(size[1] * 4 / 3)
        assert one.right - other.left >= (one.right - one.left) / 2 - 1


@pytest.mark.parametrize("x", range(0, 900, 7))
def test_whoever_is_narrower_than_half_a_window_is_seen_whole_where_he_counts(x):
    person = np.array([[x - 30, 50, 0.5], [x + 30, 50, 0.5]])
    owners = [window for window in windows(900, 100) if window.owns(person)]
    assert 1 <= len(owners) <= 2
    for window in owners:
        assert window.left <= max(x - 30, 0)
        assert window.right >= min(x + 30, 900)


def test_the_middle_of_a_person_is_that_of_its_surest_joints():
    first, second, *_ = windows(900, 100)
    unsure = np.array([[60.0, 50, 0.9], [500.0, 50, 0.01]])
    assert first.owns(unsure)
    assert not second.owns(unsure)


def find(x, score):
    """A person 40 px wide with a joint that was not found."""
    return {"keypoints": [x - 20, 10, 0.5, x + 20, 90, 0.5, 0, 0, 0], "score": score}


def test_of_two_windows_finds_of_the_same_person_the_surer_one_stays():
    weak, strong, other = find(100, 0.4), find(103, 0.6), find(130, 0.2)
    assert merged([[weak, other], [strong]]) == [other, strong]
    assert merged([[strong], [weak, other]]) == [strong, other]


def test_finds_of_the_same_window_are_left_alone():
    people = [find(100, 0.4), find(101, 0.6)]
    assert merged([people]) == people
    assert merged([people, []]) == people
