from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.report.label_places import Rect
from edgekit.report.pictures import Picture, draw, unmatched
from edgekit.values import Boxes


def boxes_of(*rows):
    """Return boxes from rows of left, top, right, bottom, score, class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Boxes(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def image_of(drawing):
    """Return the pixels that a drawing carries."""
    head, data = drawing.uri.split(",")
    assert head == "data:image/jpeg;base64"
    bgr = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    return bgr[:, :, ::-1]


CAT = (10, 10, 50, 50, 0.9, 0)
CAT_MOVED = (12, 11, 52, 51, 0.8, 0)
DOG_THERE = (10, 10, 50, 50, 0.7, 1)
CAT_AFAR = (100, 10, 140, 50, 0.6, 0)


@pytest.mark.parametrize(
    ("ours", "theirs", "alone"),
    [
        ((CAT,), (CAT_MOVED,), [False]),
        ((CAT,), (DOG_THERE,), [True]),
        ((CAT,), (CAT_AFAR,), [True]),
        ((CAT, CAT_MOVED), (CAT,), [False, True]),
        ((CAT, CAT_AFAR), (), [True, True]),
        ((), (CAT,), []),
    ],
)
def test_a_partner_has_the_class_and_the_place(ours, theirs, alone):
    assert unmatched(boxes_of(*ours), boxes_of(*theirs)).tolist() == alone


box = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30), st.integers(0, 1))


@given(st.lists(box, max_size=6), st.lists(box, max_size=6))
def test_both_sides_pair_the_same_number(ours, theirs):
    sides = [boxes_of(*((x, y, x + w, y + w, 0.5, c) for x, y, w, c in s)) for s in (ours, theirs)]
    paired = [len(a) - unmatched(a, b).sum() for a, b in (sides, sides[::-1])]

    assert paired[0] == paired[1]


def test_a_drawing_is_scaled_with_its_boxes():
    pixels = np.zeros((960, 1280, 3), np.uint8)
    picture = Picture("a.jpg", pixels, boxes_of(CAT, CAT_AFAR), boxes_of(CAT_MOVED))

    drawing = draw(picture, ("cat",))

    assert drawing.size_hw == (480, 640)
    assert [m.box for m in drawing.before] == [Rect(5, 5, 20, 20), Rect(50, 5, 20, 20)]
    assert [m.label for m in drawing.before] == ["cat 0.90", "cat 0.60"]
    assert (drawing.lost, drawing.new) == (1, 0)


def test_a_small_image_is_drawn_large_from_the_pixels_it_has():
    pixels = np.zeros((128, 128, 3), np.uint8)

    drawing = draw(Picture("a.jpg", pixels, boxes_of(CAT), boxes_of()), ("cat",))

    assert drawing.size_hw == (480, 480)
    assert drawing.before[0].box == Rect(37.5, 37.5, 150, 150)
    assert image_of(drawing).shape == (128, 128, 3)


def test_an_icon_is_not_blown_up_beyond_recognition():
    drawing = draw(Picture("a.jpg", np.zeros((16, 32, 3), np.uint8), boxes_of(), boxes_of()))

    assert drawing.size_hw == (64, 128)


def test_the_label_of_what_changed_says_how_and_is_always_written():
    crowd = [(8 * n, 8 * m, 8 * n + 8, 8 * m + 8, 0.9, 0) for n in range(8) for m in range(8)]
    pixels = np.zeros((64, 64, 3), np.uint8)

    drawing = draw(Picture("a.jpg", pixels, boxes_of(*crowd), boxes_of(*crowd[:-1])), ("cat",))

    assert drawing.before[-1].text == "lost cat 0.90"
    assert drawing.before[-1].place is not None
    assert {m.place for m in drawing.before[:-1]} == {None}


def test_the_image_keeps_its_colours():
    pixels = np.full((40, 60, 3), (200, 40, 10), np.uint8)

    drawing = draw(Picture("a.jpg", pixels, boxes_of(), boxes_of()))

    assert np.abs(image_of(drawing).astype(int) - pixels).max() < 8


def test_a_class_without_a_name_shows_its_number():
    picture = Picture("a.jpg", np.zeros((60, 60, 3), np.uint8), boxes_of(DOG_THERE), boxes_of())

    assert draw(picture, ("cat",)).before[0].label == "class 1 0.70"
