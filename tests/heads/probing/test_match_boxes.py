from __future__ import annotations

import numpy as np
import pytest

from edgekit.heads.decoded import xyxy_from
from edgekit.heads.probing.layouts import RawMap, known_layouts
from edgekit.heads.probing.match_boxes import (
    FORMATS,
    Probed,
    every_box,
    match_form,
    stored_as,
)
from edgekit.heads.probing.match_scores import find_scores, probe_values, reading, tables
from tests.heads.heads import logistic

INPUT_HW = (64, 32)
MAPS = [RawMap(f"{k}{s}", c, (64 // s, 32 // s)) for s in (8, 16) for k, c in (("b", 32), ("s", 5))]
SHAPES = {m.name: (1, m.channels, *m.grid_hw) for m in MAPS}
LAYOUT = next(layout for layout in known_layouts(MAPS, INPUT_HW) if layout.forms[0].bins == 8)
FORM = LAYOUT.forms[0]


def probe(make_output):
    """What matching sees of a network whose outputs ``make_output(boxes, scores, raws)`` gives."""
    raws = probe_values(LAYOUT, SHAPES)
    seen = reading(LAYOUT, raws)
    scores = np.float32(logistic(seen.logits))
    views = tables(make_output(every_box(raws, FORM), scores, raws))
    return Probed(LAYOUT, raws, seen, views, find_scores(views, seen))


@pytest.mark.parametrize("box_format", FORMATS)
@pytest.mark.parametrize("normalised", [False, True])
def test_decoded_boxes_are_recognised_in_any_format(box_format, normalised):
    size = INPUT_HW if normalised else (1, 1)

    def output(boxes, scores, _):
        return {"out": np.concatenate([stored_as(boxes, box_format, size), scores.T], axis=1)[None]}

    match = match_form(probe(output), FORM)

    assert match.decoded
    assert (match.own.box_format, match.own.normalised) == (box_format, normalised)
    assert match.own.parts[0].boxes.columns == (0, 4)
    assert match.cut == FORM


def test_boxes_and_scores_may_be_outputs_of_their_own():
    match = match_form(probe(lambda boxes, scores, _: {"s": scores, "b": boxes[None]}), FORM)

    assert match.own.parts[0].boxes.output == "b"
    np.testing.assert_array_equal(match.predictions, np.arange(len(match.predictions)))


def test_raw_boxes_keep_the_formula_and_read_other_outputs():
    def outputs(_, scores, raws):
        ends = np.cumsum([32, 8])
        cut = np.split(scores, ends[:-1], axis=1)
        return {
            f"{s}_out": np.concatenate([raws[f"b{s}"].reshape(32, -1), v])
            for s, v in zip((8, 16), cut, strict=True)
        }

    match = match_form(probe(outputs), FORM)

    assert not match.decoded
    assert [p.boxes.output for p in match.own.parts] == ["8_out", "16_out"]
    assert (match.own.kind, match.own.activation) == ("distances", "none")


def test_boxes_of_another_formula_do_not_match():
    def output(boxes, scores, _):
        return {"out": np.concatenate([boxes * np.float32(1.01), scores.T], axis=1)}

    assert match_form(probe(output), FORM) is None


@pytest.mark.parametrize("box_format", FORMATS)
def test_storing_and_reading_a_format_are_inverse(box_format):
    boxes = np.float32([[1, 2, 5, 9], [-3, 0, 4, 4]])

    np.testing.assert_allclose(xyxy_from(stored_as(boxes, box_format, (1, 1)), box_format), boxes)


def test_every_box_is_in_the_order_of_parts():
    raws = probe_values(LAYOUT, SHAPES)

    assert every_box(raws, FORM).shape == (8 * 4 + 4 * 2, 4)
