"""faster-coco-eval through our columns gives what pycocotools gives."""

import gc
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.images.classes import UNMATCHED
from edgekit.measure import coco
from edgekit.measure.coco import evaluate, found_table, truth_from_found, truth_table
from edgekit.values import Boxes

CLASSES = (7, 1, 3)


def figures(precision):
    """Return mAP, mAP50, mAP75 and mAP of small, medium and large objects, -1 for none."""
    parts = [precision[..., 0], precision[0, ..., 0], precision[5, ..., 0]]
    parts += [precision[..., area] for area in (1, 2, 3)]
    return [p[p > -1].mean() if (p > -1).any() else -1 for p in parts]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    images=st.integers(1, 12),
    most_found=st.sampled_from([2, 40, 350]),
)
def test_every_figure_equals_pycocotools(scene, coco_stats, seed, images, most_found):
    dataset, boxes = scene(seed, images, most_found)
    ids = sorted(boxes)
    found = found_table(boxes, ids, CLASSES)

    precision = evaluate(truth_table(dataset, ids), found, ids, sorted(CLASSES)).precision

    if len(found.scores):  # pycocotools cannot score an empty list
        expected = coco_stats(dataset, found.records())[:6]
        assert figures(precision) == pytest.approx(expected, abs=1e-12)


def test_nothing_found_scores_zero(scene):
    dataset, boxes = scene(seed=1)
    ids = sorted(boxes)
    none = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    precision = evaluate(
        truth_table(dataset, ids), found_table(dict.fromkeys(ids, none), ids, CLASSES), ids, [1, 3]
    ).precision

    assert precision[..., 0].max() == 0


def test_garbage_is_collected_again_whatever_happens(monkeypatch, scene):
    dataset, boxes = scene(seed=1)
    ids = sorted(boxes)
    tables = truth_table(dataset, ids), found_table(boxes, ids, CLASSES)

    evaluate(*tables, ids, [1, 3])
    after = gc.isenabled()
    monkeypatch.setattr(coco.COCOeval_faster, "accumulate", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate(*tables, ids, [1, 3])

    assert (after, gc.isenabled()) == (True, True)


def test_records_survive_json_with_five_decimals():
    boxes = Boxes(
        np.array([[1.123456789, 2, 11.123456789, 22.5]], np.float32),
        np.array([0.1], np.float32),
        np.array([1]),
    )

    record = json.loads(json.dumps(found_table({9: boxes}, [9], (4, 8)).records()))[0]

    assert record["image_id"] == 9
    assert record["category_id"] == 8
    assert record["bbox"] == [1.12346, 2.0, 10.0, 20.5]
    assert np.float32(record["score"]) == np.float32(0.1)


def test_a_class_without_category_is_left_out():
    boxes = Boxes(
        np.array([[0, 0, 9, 9], [0, 0, 8, 8]], np.float32),
        np.array([0.9, 0.8], np.float32),
        np.array([0, 1]),
    )

    found = found_table({1: boxes}, [1], (UNMATCHED, 5))

    assert found.categories.tolist() == [5]
    assert found.scores.tolist() == pytest.approx([0.8])


def test_a_box_turned_inside_out_has_no_size():
    boxes = Boxes(
        np.array([[10, 10, 4, 30]], np.float32), np.array([0.9], np.float32), np.array([0])
    )

    assert found_table({1: boxes}, [1], (1,)).xywh.tolist() == [[10, 10, 0, 20]]


def test_corners_kept_in_float32_give_back_annotated_sides(scene):
    dataset, boxes = scene(seed=3)

    xywh = truth_table(dataset, sorted(boxes)).xywh

    assert np.abs(xywh - np.round(xywh, 2)).max() < 1e-9


def test_only_sure_detections_become_truth(scene):
    _, boxes = scene(seed=4)
    found = found_table(boxes, sorted(boxes), CLASSES)

    truth = truth_from_found(found, 0.25)

    assert len(truth.areas) == (found.scores >= 0.25).sum()
    assert not truth.crowd.any()
    assert truth.areas == pytest.approx(truth.xywh[:, 2:].prod(axis=1))


def test_of_an_image_and_class_only_the_strongest_hundred_become_truth():
    rng = np.random.default_rng(5)
    boxes = {image: crowd(rng, {0: 130, 1: 100, 2: 3}) for image in (4, 9)}
    ids = sorted(boxes)

    truth = truth_from_found(found_table(boxes, ids, CLASSES), 0.25)

    for image, here in boxes.items():
        for index, category in enumerate(CLASSES):
            rows = (truth.images == image) & (truth.categories == category)
            of_class = [
                (score, *corners.tolist())
                for score, corners, kind in zip(here.scores, here.xyxy, here.classes, strict=True)
                if kind == index
            ]
            expected = {tuple(corners[:2]) for _, *corners in sorted(of_class)[-100:]}
            assert {tuple(corner) for corner in truth.xywh[rows, :2].tolist()} == expected


def crowd(rng, counts):
    """Return boxes in no order of their scores, as many of each class as ``counts`` says."""
    classes = rng.permutation(np.repeat(list(counts), list(counts.values())))
    corner = rng.permutation(400)[: len(classes), None] + np.zeros((1, 2))
    xyxy = np.concatenate([corner, corner + 10], axis=1).astype(np.float32)
    scores = rng.permutation(np.linspace(0.3, 0.9, len(classes))).astype(np.float32)
    return Boxes(xyxy, scores, classes.astype(np.int64))
