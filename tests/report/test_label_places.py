from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.report.label_places import MOST_HIDDEN, Labelled, Rect, place_labels

SIZE_HW = (480, 640)


def covered(first, second):
    """Count the whole pixels that two rectangles of whole pixels share."""

    def pixels(rect):
        columns = range(int(rect.x), int(rect.x + rect.width))
        lines = range(int(rect.y), int(rect.y + rect.height))
        return {(x, y) for x in columns for y in lines}

    return len(pixels(first) & pixels(second))


side = st.integers(0, 20)
rect = st.builds(Rect, side, side, st.integers(1, 20), st.integers(1, 20))


@given(rect, rect)
def test_the_share_is_that_of_pixels_counted_one_by_one(first, second):
    share = covered(first, second) / (first.width * first.height)

    assert first.share_under(second) == pytest.approx(share)


def test_a_box_without_area_hides_nothing():
    assert Rect(3, 3, 0, 5).share_under(Rect(0, 0, 9, 9)) == 0


def test_a_label_alone_stands_right_above_its_box():
    box = Rect(100, 100, 50, 60)

    (place,) = place_labels([Labelled(box, "7 0.93", needed=False)], SIZE_HW)

    assert place.x == box.x
    assert place.y + place.height == box.y


@pytest.mark.parametrize(
    "box", [Rect(0, 0, 30, 40), Rect(600, 0, 40, 30), Rect(0, 440, 30, 40), Rect(600, 440, 40, 40)]
)
def test_in_a_corner_a_label_stays_inside_and_off_its_box(box):
    (place,) = place_labels([Labelled(box, "7 0.93", needed=False)], SIZE_HW)

    assert place.x >= 0
    assert place.y >= 0
    assert place.x + place.width <= SIZE_HW[1]
    assert place.y + place.height <= SIZE_HW[0]
    assert box.share_under(place) == 0


def test_a_box_as_large_as_the_drawing_carries_its_label_inside():
    (place,) = place_labels([Labelled(Rect(0, 0, 640, 480), "person 0.93", needed=False)], SIZE_HW)

    assert place is not None


def test_labels_of_boxes_side_by_side_hide_neither_each_other_nor_a_box():
    boxes = [Rect(100 + 60 * n, 100, 40, 50) for n in range(5)]

    places = place_labels([Labelled(box, "7 0.93", needed=False) for box in boxes], SIZE_HW)

    assert None not in places
    assert all(box.share_under(place) == 0 for box in boxes for place in places)
    assert all(a.share_under(b) == 0 for a in places for b in places if a is not b)


def test_in_a_crowd_only_what_is_needed_is_written_and_it_chooses_first():
    boxes = [Rect(10 * column, 10 * line, 10, 10) for line in range(8) for column in range(12)]
    wanted = [Labelled(box, "7 0.93", needed=box == boxes[-1]) for box in boxes]

    places = place_labels(wanted, (80, 120))

    assert places[-1] is not None
    assert set(places[:-1]) == {None}


box_of = st.builds(
    Rect, st.integers(0, 600), st.integers(0, 440), st.integers(1, 200), st.integers(1, 200)
)


@given(st.lists(st.builds(Labelled, box_of, st.just("7 0.93"), st.booleans()), max_size=12))
def test_what_is_not_needed_hides_next_to_nothing(wanted):
    places = place_labels(wanted, SIZE_HW)

    assert len(places) == len(wanted)
    for item, place in zip(wanted, places, strict=True):
        assert place is not None or not item.needed
        if place is not None and not item.needed:
            assert sum(other.box.share_under(place) for other in wanted) <= MOST_HIDDEN
