from __future__ import annotations

import numpy as np
import pytest

from edgekit.boxes import cxcywh_from_xyxy
from edgekit.heads.anchors import boxes_xyxy
from edgekit.heads.probing.fit_anchors import fit_anchors
from edgekit.heads.probing.match_scores import Block, ScoreColumns, Scores, tables
from tests.heads.heads import CELLS, SIZE_HW, anchors_head, random_map


def given(head, *, normalised, order):
    """What a network that decodes as ``head`` gives, and the raw values behind it."""
    raws = {"out": random_map(8)}
    boxes = cxcywh_from_xyxy(boxes_xyxy(raws, head.parts[0], head, np.arange(CELLS))).T
    height, width = SIZE_HW
    scale = np.float32([[width], [height], [width], [height]]) if normalised else np.float32(1)
    output = np.concatenate([np.zeros((2, CELLS), np.float32), boxes / scale])[:, order]
    return raws, tables({"net": output})


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize(("size", "scale"), [("exp", 1.0), ("exp", 1.1), ("squared-sigmoid", 2.0)])
def test_anchors_and_scale_come_back(normalised, size, scale):
    head = anchors_head(anchor_wh=(12.5, 31.0), size=size, xy_scale=scale)
    order = np.random.default_rng(2).permutation(CELLS)
    raws, views = given(head, normalised=normalised, order=order)
    columns = ScoreColumns(Scores(np.zeros((1, CELLS))), Block(views[0], 0, 1), order)
    blank = anchors_head(anchor_wh=(1.0, 1.0), size=size, xy_scale=1.0)

    fitted = list(fit_anchors(views, columns, raws, blank))

    assert head in fitted


def test_grids_that_differ_in_scale_each_keep_their_own():
    one = anchors_head(anchor_wh=(12.5, 31.0), size="exp", xy_scale=1.2)
    other = one.model_copy(update={"xy_scale": 1.05})
    raws = {"out": random_map(8)}
    cells = np.arange(CELLS)
    boxes = [boxes_xyxy(raws, head.parts[0], head, cells) for head in (one, other)]
    views = tables({"net": cxcywh_from_xyxy(np.concatenate(boxes)).T})
    order = np.arange(2 * CELLS)
    columns = ScoreColumns(Scores(np.zeros((1, 2 * CELLS))), Block(views[0], 0, 1), order)
    form = one.model_copy(update={"parts": one.parts * 2, "xy_scale": 1.0})

    (fitted,) = fit_anchors(views, columns, raws, form)

    assert [part.xy_scale for part in fitted.parts] == pytest.approx([1.2, 1.05], abs=1e-3)


def test_columns_that_are_no_boxes_give_no_anchors():
    raws = {"out": random_map(8)}
    views = tables({"net": random_map(8, seed=9).reshape(8, CELLS)})
    columns = ScoreColumns(Scores(np.zeros((1, CELLS))), Block(views[0], 0, 1), np.arange(CELLS))

    assert list(fit_anchors(views, columns, raws, anchors_head())) == []
