from __future__ import annotations

import pytest

from edgekit.heads.probing.layouts import RawMap, known_layouts, unknown_layouts

GRIDS = ((8, 8), (4, 4))
INPUT_HW = (64, 64)


def raws(*channels, grids=GRIDS):
    return [RawMap(f"{g[0]}_{i}", c, g) for g in grids for i, c in enumerate(channels)]


def forms(*channels, grids=GRIDS):
    found = (
        f for layout in known_layouts(raws(*channels, grids=grids), INPUT_HW) for f in layout.forms
    )
    return {(f.kind, f.classes, getattr(f, "bins", None), len(f.parts)) for f in found}


def test_two_maps_are_distances_and_scores_either_way():
    assert forms(64, 80) == {("distances", 80, 16, 2), ("distances", 64, 20, 2)}
    assert forms(64, 3) == {("distances", 3, 16, 2)}


def test_four_plain_columns_are_distances_or_a_grid():
    assert forms(4, 3) == {("distances", 3, 1, 2), ("grid", 3, None, 2)}


@pytest.mark.parametrize("channels", [(4, 1, 80), (80, 4, 1), (5, 80), (80, 5)])
def test_a_box_an_objectness_and_scores_are_a_grid_in_any_order(channels):
    assert ("grid", 80, None, 2) in forms(*channels)


def test_one_map_of_255_channels_holds_three_anchors_of_80_classes_among_others():
    found = forms(255)

    assert ("anchors", 80, None, 6) in found
    assert {k for k, *_ in found} == {"anchors", "distances", "grid"}


def test_maps_of_equal_width_are_tried_in_either_role_on_every_level():
    assert len(list(known_layouts(raws(64, 64), INPUT_HW))) == 4


@pytest.mark.parametrize(
    "grids", [((9, 8), (4, 4)), ((7, 7), (4, 4))], ids=["not square cells", "not whole cells"]
)
def test_grids_that_do_not_divide_the_input_have_no_known_formula(grids):
    assert forms(64, 80, grids=grids) == set()


def test_levels_with_different_channels_have_no_known_formula():
    maps = [*raws(64, 80), RawMap("extra", 32, (16, 16))]

    assert list(known_layouts(maps, INPUT_HW)) == []
    assert list(known_layouts([], INPUT_HW)) == []


def test_boxes_per_cell_follow_from_the_width_of_both_maps():
    maps = [RawMap("b0", 16, (3, 3)), RawMap("s0", 84, (3, 3)), *raws(24, 126, grids=((2, 2),))]

    (layout,) = unknown_layouts(maps)

    assert len(layout.scores) == 4 + 6
    assert layout.shares
    assert {v.columns[1] - v.columns[0] for v in layout.scores} == {21}


def test_maps_that_share_no_number_of_boxes_are_no_layout():
    assert list(unknown_layouts(raws(7, 9))) == []
    assert list(unknown_layouts(raws(8))) == []
    assert list(unknown_layouts([])) == []


def test_a_view_of_a_raw_map_may_be_all_of_it():
    assert RawMap("m", 9, (2, 2)).view().columns == (0, 9)
    assert RawMap("m", 9, (2, 2)).view(4, 6).columns == (4, 6)
