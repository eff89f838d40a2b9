from __future__ import annotations

import numpy as np
import pytest

from edgekit.errors import StageError
from edgekit.heads.decode import boxes_xyxy, decode, suppress
from edgekit.heads.spec import NmsOptions
from edgekit.values import Boxes
from tests.heads.heads import CELLS, HEADS, decoded_head, random_map

DENSE = {name: head for name, head in HEADS.items() if name != "detections"}


def stacked(*rows):
    table = np.float32(rows)
    return Boxes(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


@pytest.mark.parametrize("head", DENSE.values(), ids=DENSE.keys())
def test_what_passes_a_threshold_is_the_strong_part_of_everything(head):
    outputs = {"out": np.abs(random_map(35)) / 4}

    everything = decode(outputs, head, 0)
    threshold = float(np.median(everything.scores)) + 1e-4
    strong = decode(outputs, head, threshold)

    keep = everything.scores > threshold
    assert 0 < len(strong) < len(everything) == CELLS * head.classes
    np.testing.assert_allclose(strong.xyxy, everything.xyxy[keep], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(strong.scores, everything.scores[keep])
    np.testing.assert_array_equal(strong.classes, everything.classes[keep])


@pytest.mark.parametrize("head", DENSE.values(), ids=DENSE.keys())
def test_boxes_of_chosen_rows_are_those_rows_of_all_boxes(head):
    outputs = {"out": random_map(35)}
    rows = np.array([3, 7, 20])

    some, every = (boxes_xyxy(outputs, head, 0, r) for r in (rows, np.arange(CELLS)))

    np.testing.assert_allclose(some, every[rows], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("head", DENSE.values(), ids=DENSE.keys())
def test_nothing_above_the_threshold_is_no_box(head):
    found = decode({"out": random_map(35)}, head, 1.0 if head.activation == "sigmoid" else 99.0)

    assert (found.xyxy.shape, len(suppress(found, NmsOptions()))) == ((0, 4), 0)


def test_parts_are_joined():
    part = decoded_head().parts[0]
    other = part.model_copy(update={"boxes": part.boxes.model_copy(update={"rows": (0, 2)})})
    scores = part.scores.model_copy(update={"rows": (0, 2)})
    head = decoded_head().model_copy(
        update={"parts": (part, other.model_copy(update={"scores": scores}))}
    )

    assert len(decode({"out": np.ones((1, 7, 5), np.float32)}, head, 0.5)) == 3 * (5 + 2)


def test_a_missing_output_says_which_there_are():
    with pytest.raises(StageError, match="other"):
        decode({"other": random_map(35)}, decoded_head(), 0.5)


def test_suppression_keeps_the_strongest_of_a_class():
    boxes = stacked([0, 0, 10, 10, 0.6, 1], [0, 0, 10, 11, 0.9, 1], [0, 0, 10, 12, 0.5, 2])

    kept = suppress(boxes, NmsOptions(iou=0.5))

    np.testing.assert_allclose(kept.scores, [0.9, 0.5])
    assert suppress(boxes, NmsOptions(iou=0.5, class_aware=False)).classes.tolist() == [1]


def test_without_several_labels_a_prediction_keeps_its_best_class():
    boxes = stacked(
        [0, 0, 10, 10, 0.3, 0],
        [0, 0, 10, 10, 0.7, 1],
        [0, 0, 10, 10, 0.5, 2],
        [50, 50, 60, 60, 0.4, 0],
    )

    several, single = (suppress(boxes, NmsOptions(multi_label=m)) for m in (True, False))

    assert several.classes.tolist() == [1, 2, 0, 0]
    assert single.classes.tolist() == [1, 0]


def test_an_iou_of_one_keeps_all_and_the_limit_keeps_the_strongest():
    boxes = stacked(*([0, 0, 10, 10, s, 1] for s in (0.2, 0.9, 0.5, 0.0005)))

    kept = suppress(boxes, NmsOptions(iou=1.0, max_detections=2))

    np.testing.assert_allclose(kept.scores, [0.9, 0.5])


def test_only_the_strongest_candidates_of_a_flood_are_compared():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 600, (40_000, 2))
    xyxy = np.concatenate([corners, corners + 20], axis=1).astype(np.float32)
    flood = Boxes(
        xyxy, rng.uniform(0.01, 1, 40_000).astype(np.float32), rng.integers(0, 80, 40_000)
    )

    kept = suppress(flood, NmsOptions(max_detections=300))

    assert len(kept) == 300
    assert kept.scores[0] == flood.scores.max()
    assert (np.diff(kept.scores) <= 0).all()
