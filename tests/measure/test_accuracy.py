"""Accuracy as COCO defines it, on made-up scenes, tiny detectors and a real one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import DataError
from edgekit.heads.spec import DecodedHead, NmsOptions, Part, View
from edgekit.images.classes import match_classes
from edgekit.images.datasets import open_dataset
from edgekit.measure.accuracy import (
    Detections,
    agreement,
    coco_results,
    detect_all,
    map_drop,
    score,
)
from edgekit.measure.candidate import Candidate
from edgekit.values import Boxes, Preprocess

CLASSES = (7, 1, 3)
NOTHING = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_score_is_that_of_pycocotools_on_the_written_results(scene, coco_stats, seed):
    dataset, boxes = scene(seed)
    found = Detections("made up", boxes)

    accuracy = score(found, dataset, CLASSES)

    results = json.loads(json.dumps(coco_results(found, dataset, CLASSES)))
    expected = [None if s < 0 else s for s in coco_stats(dataset, results)]
    recall = accuracy.recall
    assert [
        accuracy.map,
        accuracy.map50,
        accuracy.map75,
        accuracy.map_small,
        accuracy.map_medium,
        accuracy.map_large,
        recall.ar1,
        recall.ar10,
        recall.ar100,
        recall.small,
        recall.medium,
        recall.large,
    ] == pytest.approx(expected, abs=1e-12)
    assert np.mean(list(accuracy.per_class.values())) == pytest.approx(accuracy.map)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), other_seed=st.integers(0, 2**32 - 1))
def test_agreement_is_coco_ap_with_sure_detections_as_truth(
    scene, raw_coco_stats, seed, other_seed
):
    dataset, boxes = scene(seed)
    rng = np.random.default_rng(other_seed)
    others = {
        i: replace(b, xyxy=b.xyxy + rng.normal(0, 2, b.xyxy.shape).astype(np.float32))
        for i, b in boxes.items()
    }
    reference, other = Detections("fp32", boxes), Detections("int8", others)

    found = agreement(reference, other, dataset)

    sure = [r for r in coco_results(reference, dataset, CLASSES) if r["score"] >= 0.25]
    truth = [
        {**r, "id": n, "area": r["bbox"][2] * r["bbox"][3], "iscrowd": 0}
        for n, r in enumerate(sure, start=1)
    ]
    ids = [r.id for r in dataset.records]
    results = coco_results(other, dataset, CLASSES)
    assert found == pytest.approx(raw_coco_stats(ids, CLASSES, truth, results)[0], abs=1e-12)


def test_a_detector_agrees_with_itself(scene):
    dataset, boxes = scene(seed=1)
    unique = Detections("a", {i: replace(b, classes=np.arange(len(b))) for i, b in boxes.items()})

    assert agreement(unique, unique, dataset) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [100, 150, 300])
@pytest.mark.parametrize("tied", [False, True])
def test_a_detector_agrees_with_itself_however_many_boxes_of_a_class_it_finds(scene, count, tied):
    dataset, boxes = scene(seed=1)
    corner = 20 * np.stack([np.arange(count) % 20, np.arange(count) // 20], axis=1)
    xyxy = np.concatenate([corner, corner + 15], axis=1).astype(np.float32)
    scores = np.full(count, 0.5) if tied else np.linspace(0.9, 0.3, count)
    crowded = Boxes(xyxy, scores.astype(np.float32), np.ones(count, np.int64))
    found = Detections("a", dict.fromkeys(boxes, crowded))

    assert agreement(found, found, dataset) == pytest.approx(1.0)


@pytest.mark.parametrize(("confidence", "sure"), [(0.25, True), (0.249, False)])
def test_a_detection_is_sure_from_a_quarter_on(scene, confidence, sure):
    dataset, _ = scene(seed=1)
    one = Boxes(np.float32([[0, 0, 9, 9]]), np.float32([confidence]), np.int64([0]))
    found = Detections("a", dict.fromkeys((r.id for r in dataset.records), one))

    assert (agreement(found, found, dataset) is not None) == sure


def test_agreement_needs_a_reference_that_is_sure_of_something(scene):
    dataset, boxes = scene(seed=1)
    silent = Detections("a", dict.fromkeys(boxes, NOTHING))

    assert agreement(silent, Detections("b", boxes), dataset) is None


def test_an_image_one_model_could_not_read_counts_for_neither(scene):
    dataset, boxes = scene(seed=2)
    gone = next(i for i, b in boxes.items() if len(b))
    fewer = Detections("b", {i: b for i, b in boxes.items() if i != gone})
    full = Detections("a", boxes)

    drop = map_drop(full, fewer, dataset, CLASSES, resamples=50)

    assert (drop.value, drop.low, drop.high) == (0, 0, 0)
    assert score(fewer, dataset, CLASSES).images == len(dataset.records) - 1


def test_the_best_operating_point_is_found_by_trying_all(scene):
    dataset, boxes = scene(seed=3, images=30)
    records = tuple(
        replace(r, truth=replace(r.truth, crowd=np.zeros_like(r.truth.crowd)))
        for r in dataset.records
    )
    dataset = replace(dataset, records=records)

    point = score(Detections("a", boxes), dataset, CLASSES).detection

    tried = [point_at(dataset, boxes, s) for s in np.arange(11) / 10]
    best = max(tried, key=lambda t: t[2])
    assert (point.precision, point.recall, point.f1) == pytest.approx(best)


def point_at(dataset, boxes, confidence):
    """Return precision, recall and F1 at IoU 0.5 by greedy matching in plain loops."""
    right = found = objects = 0
    for record in dataset.records:
        free = list(zip(record.truth.xyxy, record.truth.categories, strict=True))
        objects += len(free)
        ours = boxes[record.id]
        for box, sure, kind in zip(ours.xyxy, ours.scores, ours.classes, strict=True):
            if sure < np.float32(confidence):
                continue
            found += 1
            near = [(iou(box, t), n) for n, (t, c) in enumerate(free) if c == CLASSES[kind]]
            overlap, n = max(near, default=(0, -1))
            if overlap >= 0.5:
                right += 1
                del free[n]
    return right / found, right / objects, 2 * right / (found + objects)


def iou(a, b):
    a, b = a.astype(float), b.astype(float)
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_a_model_that_finds_nothing_scores_zero_and_has_no_operating_point(scene):
    dataset, boxes = scene(seed=4)

    accuracy = score(Detections("a", dict.fromkeys(boxes, NOTHING)), dataset, CLASSES)

    assert accuracy.map == 0
    assert accuracy.detection is None


def test_unlabelled_images_cannot_be_scored(scene):
    dataset, boxes = scene(seed=5)
    bare = replace(dataset, records=tuple(replace(r, truth=None) for r in dataset.records))

    with pytest.raises(DataError, match="needs labels"):
        score(Detections("a", boxes), bare, CLASSES)


def test_labels_without_any_object_cannot_be_scored(scene):
    dataset, boxes = scene(seed=5)
    emptied = tuple(
        replace(r, truth=replace(r.truth, crowd=np.ones_like(r.truth.crowd)))
        for r in dataset.records
    )

    with pytest.raises(DataError, match="at least one labelled object"):
        score(Detections("a", boxes), replace(dataset, records=emptied), CLASSES)


def test_an_unreadable_image_is_counted_and_left_out(detector, colour_images):
    dataset = colour_images(4)
    dataset.records[1].path.write_text("no image")
    told = []

    found = detect_all(detector(), dataset, lambda *step: told.append(step))

    assert sorted(found.boxes) == [1, 3, 4]
    assert found.faults == {"unreadable-image": 1}
    assert told[-1] == ("detect colours", 4, 4)
    assert score(found, dataset, (1, 2)).map == pytest.approx(1.0)


@pytest.mark.slow
@pytest.mark.data
def test_yolov8n_reaches_its_reference_figures(data_dir):
    boxes = View(output="output0", axis=1, columns=(0, 4))
    scores = View(output="output0", axis=1, columns=(4, 84))
    candidate = Candidate(
        name="yolov8n",
        backend=OnnxRuntime(),
        model=data_dir / "models" / "yolov8n.onnx",
        head=DecodedHead(
            input_hw=(640, 640),
            classes=80,
            box_format="cxcywh",
            parts=(Part(boxes=boxes, scores=scores),),
        ),
        nms=NmsOptions(),
        preprocess=Preprocess((640, 640)),
        input="float-nchw",
    )
    dataset = open_dataset(data_dir / "coco-val-mini" / "instances.json")

    found = detect_all(candidate, dataset)

    accuracy = score(found, dataset, match_classes((), dataset.categories, 80))
    assert accuracy.map == pytest.approx(0.3980, abs=0.001)
    assert accuracy.map50 == pytest.approx(0.5563, abs=0.001)
    assert accuracy.images == 112
