from __future__ import annotations

import numpy as np
import pytest

from edgekit.errors import HeadError
from edgekit.heads.choose import choose, choose_background, describe
from edgekit.heads.options import HeadOptions
from edgekit.heads.probing.layouts import Layout
from edgekit.heads.probing.match_boxes import Match
from tests.heads.heads import anchors_head, decoded_head, distances_head, grid_head

LOW, HIGH = -9.0, 3.0


def match(cut, own=None, *, decoded=False):
    return Match(Layout(()), own or cut, cut, np.arange(24), decoded)


def outputs(value=LOW, columns=200):
    return {"out": np.full((1, columns, 4, 6), value, np.float32)}


def test_a_decode_inside_the_network_goes_before_any_other_reading():
    proven = match(grid_head(), decoded_head(), decoded=True)

    assert choose([match(distances_head(8)), proven], outputs(), HeadOptions()) is proven


def test_a_usual_number_of_bins_goes_before_an_unusual_one():
    usual = match(distances_head(16))

    assert choose([match(distances_head(20)), usual], outputs(), HeadOptions()) is usual


@pytest.mark.parametrize(
    "options", [HeadOptions(kind="yolox"), HeadOptions(kind="grid"), HeadOptions(classes=5)]
)
def test_an_answer_settles_what_the_network_leaves_open(options):
    wanted = match(grid_head(5))

    assert choose([match(distances_head(1)), wanted], outputs(), options) is wanted


def test_the_question_lists_every_candidate():
    with pytest.raises(HeadError) as caught:
        choose([match(distances_head(8)), match(grid_head(5))], outputs(), HeadOptions())

    assert describe(distances_head(8)) in str(caught.value)
    assert describe(grid_head(5)) in str(caught.value)
    assert "--head" in str(caught.value)


def test_of_two_maps_in_either_role_the_low_one_holds_the_scores():
    right = match(distances_head(8))
    swapped = (
        distances_head(8)
        .parts[0]
        .model_copy(
            update={"scores": right.cut.parts[0].scores.model_copy(update={"columns": (0, 3)})}
        )
    )
    wrong = match(distances_head(8).model_copy(update={"parts": (swapped,)}))
    natural = outputs(HIGH)
    natural["out"][:, 32:35] = LOW

    assert choose([wrong, right], natural, HeadOptions()) is right


def test_published_anchors_must_fit_in_number():
    with pytest.raises(HeadError, match="anchors"):
        choose([match(anchors_head())], outputs(), HeadOptions(kind="yolov5"))


def test_given_anchors_are_taken_in_the_order_of_parts():
    options = HeadOptions(kind="anchors", anchors=((7.0, 9.0),), size="exp")

    chosen = choose([match(anchors_head(size="exp"))], outputs(), options)

    assert chosen.cut.parts[0].anchor_wh == chosen.own.parts[0].anchor_wh == (7, 9)
    assert chosen.cut.xy_scale == 1


@pytest.mark.parametrize(("column", "expected"), [(0, 0), (3, 3)])
def test_the_background_is_the_outer_column_that_fills_most_of_an_image(column, expected):
    natural = outputs(0.05)
    natural["out"][:, 4 + column] = 0.9
    part = decoded_head(classes=4).parts[0]
    own = decoded_head(classes=3).model_copy(update={"parts": (part,)})

    chosen = choose_background(match(grid_head(), own), natural, HeadOptions())

    assert chosen.own.background == expected


def test_a_head_without_background_is_left_alone():
    found = match(grid_head(), decoded_head(), decoded=True)

    assert choose_background(found, outputs(), HeadOptions()) is found
