from __future__ import annotations

import pytest

from edgekit.heads.probing.search import (
    known_matches,
    plain_score_maps,
    raw_shapes,
    unknown_matches,
)
from tests.heads import detectors as nets


@pytest.mark.parametrize("build", [nets.yolov8, nets.anchored, nets.split_heads])
def test_a_decode_inside_the_network_has_one_explanation(build, opened):
    with opened(build()) as (runner, outputs, _):
        (match,) = known_matches(runner, outputs)

    assert match.decoded


def test_raw_maps_have_as_many_explanations_as_fit(opened):
    with opened(nets.anchored_raw()) as (runner, outputs, _):
        matches = known_matches(runner, outputs)

    assert {m.cut.classes for m in matches if m.cut.kind == "anchors"} == {46, 80, 250}
    assert not any(m.decoded for m in matches)


def test_a_decode_nobody_knows_is_still_read_by_its_scores(opened):
    with opened(nets.rtdetr()) as (runner, outputs, _):
        known, unknown = known_matches(runner, outputs), unknown_matches(runner, outputs)

    assert known == []
    assert [(m.own.kind, m.own.classes, m.cut) for m in unknown] == [("decoded", 80, None)]


def test_what_a_top_k_hides_is_found_before_it(opened):
    with opened(nets.end_to_end()) as (runner, outputs, stage):
        assert known_matches(runner, outputs) == []
        (match,) = known_matches(runner, stage)

    assert match.cut.bins == 16


def test_maps_that_are_scores_and_nothing_else_are_named_by_their_width(opened):
    with opened(nets.with_extra(51)) as (runner, outputs, _):
        assert plain_score_maps(runner, outputs) == {1}
        assert sorted({s[1] for s in raw_shapes(runner).values()}) == [1, 51, 64]
