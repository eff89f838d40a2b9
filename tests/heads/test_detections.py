from __future__ import annotations

import numpy as np

from edgekit.heads.detections import decode
from tests.heads.heads import detections_head


def test_rows_that_score_enough_become_boxes():
    out = np.float32([[[1, 2, 3, 4, 0.9, 2], [5, 6, 7, 8, 0.2, 1], [0, 0, 0, 0, 0, 0]]])

    boxes = decode({"out": out}, detections_head(), 0.25)

    np.testing.assert_array_equal(boxes.xyxy, [[1, 2, 3, 4]])
    np.testing.assert_array_equal(boxes.classes, [2])
    np.testing.assert_allclose(boxes.scores, [0.9])


def test_padding_is_no_detection_even_when_everything_else_is():
    out = np.float32([[[1, 2, 3, 4, 0.001, 2], [-1, -1, -1, -1, -1, -1], [0, 0, 0, 0, 0, 0]]])

    assert len(decode({"out": out}, detections_head(), -1.0)) == 1
