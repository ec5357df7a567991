"""The assignment of peaks to people, and which one of equally good ones it is."""

import zlib

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from litepose.inference.assignment import assign
from support import photographs, plain_munkres

FAR = 1e10  # from a peak to a person who does not exist


@pytest.mark.parametrize(
    ("cost", "columns"),
    [
        ([[1, 1], [1, 1]], [0, 1]),
        ([[2, 1, 2], [2, 0, 1]], [1, 2]),
        ([[0, 1, 2], [1, 2, 2]], [0, 2]),
        ([[2, 2, 2], [1, 2, 2]], [2, 0]),
        ([[1, 2, 2], [0, 0, 1], [1, 2, 2]], [2, 1, 0]),
        ([[2, 1, 1], [1, 0, 2], [1, 1, 0]], [1, 0, 2]),
        ([[0, 1, 2, 1], [0, 1, 1, 2], [1, 1, 1, 0]], [0, 2, 3]),
        ([[2, 1, 1, 1], [2, 1, 2, 2], [1, 2, 0, 0]], [3, 1, 2]),
        ([[-0.5, FAR, FAR], [-0.25, FAR, FAR], [-0.125, FAR, FAR]], [0, 2, 1]),
    ],
)
def test_of_equally_good_assignments_it_is_that_of_munkres(cost, columns):
    rows, found = assign(np.array(cost, float))
    assert rows.tolist() == list(range(len(cost)))
    assert found.tolist() == columns


def ties(count):
    """Costs as of tags whose rounded distances are often equal, with more peaks than people now and then."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        peaks, people = rng.integers(1, 13, 2)
        distances = rng.integers(0, rng.integers(1, 6), (peaks, people))
        cost = distances * 100 - rng.integers(1, 1000, (peaks, 1)) / 1024
        yield np.hstack([cost, np.full((peaks, max(peaks - people, 0)), FAR)])


def test_plain_loops_find_the_same_of_all_equally_good_ones():
    checksum = 0
    for cost in ties(300):
        columns = assign(cost)[1].tolist()
        assert list(enumerate(columns)) == plain_munkres.solve(cost.tolist())
        checksum = zlib.crc32(bytes(columns), checksum)
    assert checksum == 478253227  # of what munkres 1.1.4 itself gives


@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_a_single_best_assignment_is_found(size):
    rng = np.random.default_rng(size)
    for extra in (0, 3):
        cost = rng.random((size, size + extra))
        assert np.array_equal(assign(cost), linear_sum_assignment(cost))


def test_the_costs_are_left_alone():
    cost = np.random.default_rng(0).random((5, 6))
    before = cost.copy()
    assign(cost)
    assert np.array_equal(cost, before)


def test_no_peak_is_assigned_to_nobody():
    rows, columns = assign(np.zeros((0, 3)))
    assert len(rows) == len(columns) == 0


def test_costs_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        assign(np.array([[0.0, np.nan], [1.0, 2.0]]))


@photographs.needed
def test_on_photographs_people_are_exchanged_as_by_the_released_code():
    assignments = photographs.golden()["assignments"]
    assert len(assignments) == 114
    for number, entry in enumerate(assignments):
        pairs = np.column_stack(assign(np.array(entry["cost"]))).tolist()
        assert pairs == sorted(entry["munkres"]), f"matrix {number}"
