from __future__ import annotations

import numpy as np

from edgekit.heads.grid import boxes_xyxy
from tests.heads.heads import CELLS, STRIDE, cells, grid_head, random_map


def test_a_box_is_an_offset_from_the_corner_of_its_cell_and_an_exponential_size():
    raw, head = random_map(8), grid_head()
    expected = []
    for y, x in cells():
        tx, ty, tw, th = np.float64(raw[0, :4, y, x])
        cx, cy, w, h = np.array([tx + x, ty + y, np.exp(tw), np.exp(th)]) * STRIDE
        expected.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])

    boxes = boxes_xyxy({"out": raw}, head.parts[0], np.arange(CELLS))

    np.testing.assert_allclose(boxes, expected, rtol=1e-4, atol=1e-3)
