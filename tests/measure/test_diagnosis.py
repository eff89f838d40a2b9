"""The diagnosis of detections whose fates are known, and of the detector that ships."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.measure.accuracy import Detections
from edgekit.measure.diagnosis import EXAMPLES, diagnose
from edgekit.measure.fates import FATES
from edgekit.values import Boxes, Category, Dataset, ImageRecord, Truth

CATEGORY_IDS = (7, 1, 3)
# Four objects of each of 20 images, far apart: the model to compare with finds all, and a fifth.
PLACES = np.array([(200 * k, 0, 200 * k + 100, 100) for k in range(5)], np.float32)
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
KINDS = np.array([0, 1, 2, 0, 1])
DOWN = np.array((0, 60, 0, 60), np.float32)
IMAGES = range(20)


@pytest.fixture
def base():
    return Detections("fp32", {i: Boxes(PLACES, SCORES, KINDS) for i in IMAGES})


@pytest.fixture
def dataset():
    truth = Truth(
        xyxy=PLACES[:4],
        categories=np.array(CATEGORY_IDS)[KINDS[:4]],
        crowd=np.zeros(4, bool),
        area=np.full(4, 1e4, np.float32),
    )
    categories = tuple(Category(i, f"kind {i}") for i in sorted(CATEGORY_IDS))
    records = tuple(ImageRecord(i, Path(f"{i}.png"), (480, 640), truth) for i in IMAGES)
    return Dataset("made up", records, categories)


def changed(base, image, **columns):
    return Detections(
        "int8", {**base.boxes, image: replace(base.boxes[image], **columns)}, base.faults
    )


def counts(found):
    return {f.fate: f.count for f in found.fates if f.count}


def test_a_model_compared_with_itself_keeps_everything_and_loses_nothing(base, dataset):
    found = diagnose(base, base, dataset, CATEGORY_IDS)

    assert counts(found) == {"kept": 100}
    assert found.examples == ()
    assert (found.shift.pairs, found.shift.median.value) == (100, 0)
    assert all(r.by_count.detections == r.base.detections for r in found.thresholds)
    for causes in (found.map_causes, found.agreement_causes):
        assert all(part.value == part.high == 0 for part in vars(causes).values())
    assert {p.drop.value for p in (*found.classes, *found.sizes)} == {0}


def test_every_fate_is_counted_with_those_that_had_found_an_object(base, dataset):
    # Kept; of another class; faded; moved; gone, though it had found nothing. One more is new.
    other = changed(
        base,
        4,
        xyxy=np.concatenate([PLACES[:3], PLACES[3:4] + DOWN, PLACES[4:] + 700]),
        scores=np.array([0.9, 0.8, 0.2, 0.6, 0.5], np.float32),
        classes=np.array([0, 2, 2, 0, 1]),
    )

    found = diagnose(base, other, dataset, CATEGORY_IDS)

    assert [(f.fate, f.count, f.right) for f in found.fates] == [
        ("kept", 96, 77),
        ("other-class", 1, 1),
        ("faded", 1, 1),
        ("moved", 1, 1),
        ("missed", 1, 0),
        ("risen", 0, 0),
        ("new", 1, 0),
    ]
    assert [c.fate for c in found.examples] == ["other-class", "faded", "moved", "missed", "new"]
    assert {c.image for c in found.examples} == {4}


def test_examples_are_the_largest_changes_and_few(base, dataset):
    fading = np.linspace(0.24, 0.12, 5).astype(np.float32)
    boxes = {i: replace(b, scores=fading) for i, b in base.boxes.items()}

    found = diagnose(base, Detections("int8", boxes), dataset, None)

    assert counts(found) == {"faded": 100}
    assert len(found.examples) == EXAMPLES
    assert {c.base for c in found.examples} == {0}


def test_without_labels_the_first_model_stands_for_them(base, dataset):
    bare = replace(dataset, records=tuple(replace(r, truth=None) for r in dataset.records))
    other = changed(base, 4, scores=SCORES[::-1].copy())

    found = diagnose(base, other, bare, None)

    assert (found.labelled, found.map_causes) == (False, None)
    assert {f.right for f in found.fates} == {None}
    assert [p.category for p in sorted(found.classes, key=lambda p: p.category)] == [0, 1, 2]
    assert all(p.base == 1 for p in (*found.classes, *found.sizes))
    assert [r.base.confidence for r in found.thresholds] == [0.25]
    assert found.thresholds[0].base.precision is None


def test_with_labels_the_second_threshold_is_for_the_best_f1(base, dataset):
    lower = Detections("int8", {i: lowered(b) for i, b in base.boxes.items()})

    found = diagnose(base, lower, dataset, CATEGORY_IDS)

    quarter, best = found.thresholds
    assert (quarter.base.detections, quarter.unchanged.detections) == (100, 80)
    assert quarter.by_count.confidence == pytest.approx(0.12)
    assert (best.base.precision, best.base.recall) == (1, 1)
    assert best.base.confidence == pytest.approx(0.6)
    assert best.by_count.confidence == pytest.approx(0.264)
    assert best.by_count == best.by_precision == best.by_recall
    assert found.shift.median.value == pytest.approx(-0.364)


def lowered(boxes):
    return replace(boxes, scores=boxes.scores * np.float32(0.48))


def test_a_model_that_finds_nothing_has_no_thresholds(base, dataset):
    nothing = {i: Boxes(PLACES[:0], SCORES[:0], KINDS[:0]) for i in IMAGES}

    found = diagnose(base, Detections("int8", nothing), dataset, CATEGORY_IDS)

    assert counts(found) == {"missed": 100}
    assert (found.thresholds, found.scale, found.shift) == ((), (), None)
    assert found.map_causes.presence.value == pytest.approx(100)


def test_there_is_nothing_to_compare_with_where_the_first_model_is_sure_of_nothing(base, dataset):
    unsure = Detections("fp32", {i: replace(b, scores=b.scores / 9) for i, b in base.boxes.items()})

    assert diagnose(unsure, base, dataset, CATEGORY_IDS) is None


def test_an_image_that_one_model_could_not_read_counts_for_neither(base, dataset):
    fewer = Detections("int8", {i: b for i, b in base.boxes.items() if i})

    found = diagnose(base, fewer, dataset, CATEGORY_IDS)

    assert found.images == 19
    assert counts(found) == {"kept": 95}


def test_all_fates_are_told_in_one_order(base, dataset):
    assert tuple(f.fate for f in diagnose(base, base, dataset, None).fates) == FATES
