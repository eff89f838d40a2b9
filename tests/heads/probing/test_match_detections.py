from __future__ import annotations

import numpy as np
import pytest

from edgekit.heads.decode import decode
from edgekit.heads.probing.match_boxes import stored_as
from edgekit.heads.probing.match_detections import match_detections
from edgekit.values import Boxes
from tests.heads.heads import SIZE_HW, decoded_head

HEAD = decoded_head(classes=7)


def candidates(count=200):
    rng = np.random.default_rng(4)
    corner = rng.uniform(0, 30, (count, 2))
    xyxy = np.hstack([corner, corner + rng.uniform(1, 30, (count, 2))]).astype(np.float32)
    scores = rng.permutation(np.linspace(0.31, 0.95, count)).astype(np.float32)
    return Boxes(xyxy, scores, rng.integers(0, 7, count))


def picked(boxes, padding=0):
    order = np.argsort(-boxes.scores)[:20]
    pad = np.zeros((padding, 1), np.float32)

    def padded(values):
        return np.vstack([values.reshape(20, -1), np.repeat(pad, values.size // 20, axis=1)])

    return [padded(np.float32(v[order])) for v in (boxes.xyxy, boxes.scores, boxes.classes)]


@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_rows_in_any_order_of_columns_are_read(order, padding):
    boxes = candidates()
    parts = picked(boxes, padding)
    outputs = {"out": np.concatenate([parts[i] for i in order], axis=1)[None]}

    head = match_detections(outputs, boxes, HEAD)

    found = decode(outputs, head, 0.1)
    assert len(found) == 20
    np.testing.assert_allclose(found.scores, np.sort(boxes.scores)[::-1][:20])
    np.testing.assert_array_equal(found.xyxy[0], boxes.xyxy[np.argmax(boxes.scores)])


def test_boxes_scores_and_classes_may_be_outputs_of_their_own():
    boxes = candidates()
    xyxy, scores, classes = picked(boxes)
    outputs = {"c": classes.ravel()[None].astype(np.int64), "s": scores.ravel()[None], "b": xyxy}

    head = match_detections(outputs, boxes, HEAD)

    assert (head.boxes.output, head.scores.output, head.labels.output) == ("b", "s", "c")


def test_fractions_of_the_image_are_recognised():
    boxes = candidates()
    xyxy, scores, classes = picked(boxes)
    stored = stored_as(xyxy, "yxyx", SIZE_HW)

    head = match_detections({"out": np.hstack([stored, scores, classes])[None]}, boxes, HEAD)

    assert (head.box_format, head.normalised) == ("yxyx", True)


def test_rows_of_other_boxes_are_not_picked_from_the_candidates():
    boxes = candidates()
    xyxy, scores, classes = picked(boxes)

    assert match_detections({"out": np.hstack([xyxy + 1, scores, classes])}, boxes, HEAD) is None
    assert match_detections({"out": np.hstack([xyxy, scores, classes + 1])}, boxes, HEAD) is None
    assert match_detections({"out": np.hstack([xyxy, scores / 2, classes])}, boxes, HEAD) is None
