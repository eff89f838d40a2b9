from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.images.labels import Label, truth_from_labels

numbers = st.floats(-50, 150) | st.sampled_from([float("nan"), float("inf")])


def truth(*labels, size_hw=(100, 100)):
    faults = Counter()
    return truth_from_labels(labels, size_hw, faults), {k: v for k, v in faults.items() if v}


def test_a_good_box_stays_as_it_is():
    found, faults = truth(Label((10, 20, 30, 60), category=7, area=5.0))

    assert found.xyxy.tolist() == [[10, 20, 30, 60]]
    assert (found.categories.tolist(), found.area.tolist()) == ([7], [5.0])
    assert faults == {}


@pytest.mark.parametrize("xyxy", [(5, 5, 5, 9), (9, 5, 5, 9), (5, 9, 9, 9), (0, 0, np.nan, 9)])
def test_a_degenerate_box_is_dropped_and_counted(xyxy):
    found, faults = truth(Label(xyxy, 1))

    assert len(found.xyxy) == 0
    assert faults == {"degenerate-box": 1, "image-without-objects": 1}


def test_a_box_over_the_edge_is_clipped_and_counted():
    found, faults = truth(Label((-10, 50, 60, 120), 1))

    assert found.xyxy.tolist() == [[0, 50, 60, 100]]
    assert faults == {"box-clipped": 1}


def test_a_box_over_the_edge_by_a_rounding_error_is_no_fault():
    found, faults = truth(Label((0, 0, 100.004, 100), 1))

    assert found.xyxy.tolist() == [[0, 0, 100, 100]]
    assert faults == {}


def test_a_box_outside_the_image_is_dropped_and_counted():
    found, faults = truth(Label((200, 0, 210, 10), 1), Label((0, 0, 9, 9), 1))

    assert len(found.xyxy) == 1
    assert faults == {"box-outside-image": 1}


def test_the_same_box_twice_counts_once():
    found, faults = truth(Label((0, 0, 9, 9), 1), Label((0, 0, 9, 9), 1), Label((0, 0, 9, 9), 2))

    assert found.categories.tolist() == [1, 2]
    assert faults == {"duplicate-box": 1}


def test_a_crowd_is_kept_and_counted():
    found, faults = truth(Label((0, 0, 9, 9), 1, crowd=True))

    assert found.crowd.tolist() == [True]
    assert faults == {"crowd-box": 1}


def test_an_area_that_is_not_stated_is_the_box_after_clipping():
    found, _ = truth(Label((90, 90, 110, 110), 1))

    assert found.area.tolist() == [100]


def test_an_image_without_objects_has_empty_arrays():
    found, faults = truth()

    assert found.xyxy.shape == (0, 4)
    assert found.categories.shape == found.crowd.shape == found.area.shape == (0,)
    assert faults == {"image-without-objects": 1}


@given(
    rows=st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=8),
    size_hw=st.tuples(st.integers(1, 100), st.integers(1, 100)),
)
def test_what_is_kept_has_area_inside_the_image_and_nothing_is_lost_uncounted(rows, size_hw):
    found, faults = truth(*[Label(row, 1) for row in rows], size_hw=size_hw)

    left, top, right, bottom = found.xyxy.T
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (right <= size_hw[1]).all()
    assert (bottom <= size_hw[0]).all()
    assert (found.area >= 0).all()
    dropped = ("degenerate-box", "box-outside-image", "duplicate-box")
    assert len(found.xyxy) + sum(faults.get(kind, 0) for kind in dropped) == len(rows)
