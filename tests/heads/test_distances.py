from __future__ import annotations

import numpy as np
import pytest

from edgekit.heads.distances import boxes_xyxy, cells_xy
from tests.heads.heads import CELLS, STRIDE, cells, distances_head, random_map


def expected(raw, bins, center):
    boxes = []
    for y, x in cells():
        sides = []
        for side in range(4):
            logits = np.float64(raw[0, side * bins : (side + 1) * bins, y, x])
            share = np.exp(logits) / np.exp(logits).sum()
            sides.append((share * range(bins)).sum() if bins > 1 else logits[0])
        left, top, right, bottom = sides
        cx, cy = x + center, y + center
        boxes.append([cx - left, cy - top, cx + right, cy + bottom])
    return np.array(boxes) * STRIDE


@pytest.mark.parametrize("bins", [1, 8, 16])
@pytest.mark.parametrize("center", [0.0, 0.5])
def test_a_box_is_the_mean_distance_to_each_side_of_the_cell(bins, center):
    head = distances_head(bins, center=center)
    raw = random_map(4 * bins + 3)

    boxes = boxes_xyxy({"out": raw}, head.parts[0], head, np.arange(CELLS))

    np.testing.assert_allclose(boxes, expected(raw, bins, center), rtol=1e-4, atol=1e-3)


def test_cells_run_along_rows_first():
    level = distances_head(1).parts[0]

    np.testing.assert_array_equal(
        cells_xy(level, np.array([0, 1, 6, 23])), [[0, 0], [1, 0], [0, 1], [5, 3]]
    )
