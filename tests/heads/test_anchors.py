from __future__ import annotations

import numpy as np
import pytest

from edgekit.heads.anchors import boxes_xyxy, relative_size
from tests.heads.heads import CELLS, STRIDE, anchors_head, cells, logistic, random_map


def expected(raw, size, scale, anchor_wh):
    boxes = []
    for y, x in cells():
        tx, ty, tw, th = np.float64(raw[0, :4, y, x])
        cx = (logistic(tx) * scale - (scale - 1) / 2 + x) * STRIDE
        cy = (logistic(ty) * scale - (scale - 1) / 2 + y) * STRIDE
        grow = np.exp if size == "exp" else lambda t: (2 * logistic(t)) ** 2
        w, h = anchor_wh[0] * grow(tw), anchor_wh[1] * grow(th)
        boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
    return boxes


@pytest.mark.parametrize(("size", "scale"), [("exp", 1.0), ("exp", 1.05), ("squared-sigmoid", 2.0)])
def test_a_box_is_its_anchor_moved_and_scaled(size, scale):
    head = anchors_head(size=size, xy_scale=scale)
    raw = random_map(8)

    boxes = boxes_xyxy({"out": raw}, head.parts[0], head, np.arange(CELLS))

    np.testing.assert_allclose(boxes, expected(raw, size, scale, (10, 20)), rtol=1e-4, atol=1e-3)


def test_a_grid_with_a_scale_of_its_own_is_read_by_that():
    raw = random_map(8)
    head = anchors_head(size="exp", xy_scale=1.0)
    part = head.parts[0].model_copy(update={"xy_scale": 1.2})

    boxes = boxes_xyxy({"out": raw}, part, head, np.arange(CELLS))

    np.testing.assert_allclose(boxes, expected(raw, "exp", 1.2, (10, 20)), rtol=1e-4, atol=1e-3)


def test_a_sigmoid_inside_the_network_is_not_applied_again():
    raw = random_map(8)
    head, activated = anchors_head(), anchors_head(boxes_activated=True)
    inside = {"out": logistic(raw).astype(np.float32)}

    again = boxes_xyxy(inside, activated.parts[0], activated, np.arange(CELLS))

    plain = boxes_xyxy({"out": raw}, head.parts[0], head, np.arange(CELLS))
    np.testing.assert_allclose(again, plain, rtol=1e-4, atol=1e-3)


def test_a_raw_size_of_zero_is_the_anchor_itself():
    for head in (anchors_head(), anchors_head(size="exp")):
        np.testing.assert_allclose(relative_size(np.zeros((1, 2), np.float32), head), 1)
