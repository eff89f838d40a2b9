from __future__ import annotations

import numpy as np
import pytest

from edgekit.heads.decoded import boxes_xyxy, in_pixels, xyxy_from
from tests.heads.heads import decoded_head, detections_head

BOX = np.float32([[10, 20, 30, 60]])
STORED = {"xyxy": [[10, 20, 30, 60]], "cxcywh": [[20, 40, 20, 40]], "yxyx": [[20, 10, 60, 30]]}


@pytest.mark.parametrize("box_format", STORED)
def test_every_format_gives_the_same_box(box_format):
    stored = np.float32(STORED[box_format])

    np.testing.assert_array_equal(xyxy_from(stored, box_format), BOX)
    np.testing.assert_array_equal(in_pixels(stored, decoded_head(box_format=box_format)), BOX)


def test_fractions_are_scaled_by_width_and_height():
    head = detections_head(normalised=True)

    np.testing.assert_array_equal(
        in_pixels(np.float32([[0.5, 0.25, 1, 1]]), head), [[24, 8, 48, 32]]
    )


def test_only_the_rows_asked_for_are_read():
    out = np.arange(70, dtype=np.float32).reshape(1, 7, 10)

    boxes = boxes_xyxy({"out": out}, decoded_head().parts[0], decoded_head(), np.array([2, 5]))

    np.testing.assert_array_equal(boxes, [[2, 12, 22, 32], [5, 15, 25, 35]])
