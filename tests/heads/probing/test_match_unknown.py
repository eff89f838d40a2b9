from __future__ import annotations

import numpy as np
import pytest

from edgekit.heads.probing.layouts import Layout
from edgekit.heads.probing.match_boxes import Probed
from edgekit.heads.probing.match_scores import find_scores, probe_values, reading, tables
from edgekit.heads.probing.match_unknown import match_unknown
from edgekit.heads.spec import View
from tests.heads.heads import logistic

LAYOUT = Layout((View(output="raw", axis=2, columns=(0, 4)),))
COUNT = 30


def matched(make_outputs, layout=LAYOUT):
    raws = probe_values(layout, {"raw": (1, COUNT, 4)})
    seen = reading(layout, raws)
    outputs = make_outputs(np.float32(logistic(seen.logits.T)))
    views = tables({name: value[None] for name, value in outputs.items()})
    return match_unknown(Probed(layout, raws, seen, views, find_scores(views, seen)), (64, 64))


def boxes(low, high):
    rng = np.random.default_rng(0)
    corner = rng.uniform(low, high, (COUNT, 2))
    return np.hstack([corner, corner + rng.uniform(0, high, (COUNT, 2))]).astype(np.float32)


@pytest.mark.parametrize("first", [True, False])
def test_the_four_columns_beside_the_scores_are_the_boxes(first):
    def joined(scores):
        parts = (boxes(0, 60), scores) if first else (scores, boxes(0, 60))
        return {"out": np.hstack(parts)}

    own = matched(joined).own

    assert own.parts[0].boxes.columns == ((0, 4) if first else (4, 8))
    assert (own.box_format, own.normalised, own.classes) == ("xyxy", False, 4)


def test_boxes_in_another_output_are_told_from_scores_of_the_same_shape():
    own = matched(lambda scores: {"s": scores, "b": boxes(0, 0.5)}).own

    assert (own.parts[0].scores.output, own.parts[0].boxes.output) == ("s", "b")
    assert own.normalised


def test_boxes_whose_corners_cross_are_centres_and_sizes():
    flipped = boxes(0, 0.5)[:, [2, 3, 0, 1]]

    assert matched(lambda scores: {"s": scores, "b": flipped}).own.box_format == "cxcywh"


def test_boxes_that_are_neither_are_no_boxes():
    negative = -boxes(1, 5)

    assert matched(lambda scores: {"s": scores, "b": negative}) is None


def test_two_outputs_that_may_be_the_boxes_settle_nothing():
    assert matched(lambda scores: {"s": scores, "b": boxes(0, 5), "c": boxes(1, 5)}) is None
    assert matched(lambda scores: {"s": scores}) is None
