"""Thresholds that keep an operating point: known by hand, and by trying every one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure.coco import found_table, truth_table
from edgekit.measure.matches import match
from edgekit.measure.thresholds import (
    Judged,
    Scored,
    best_point,
    judged,
    kept_at,
    restore,
    scale,
    scored,
)
from tests.strategies import seeds

CLASSES = (7, 1, 3)


def model(scores, right=None, objects=0):
    """Return detections in 60 images, strongest first."""
    ordered = np.sort(np.array(scores, float))[::-1]
    against = None if right is None else Judged(ordered, np.cumsum(right), objects)
    return Scored(ordered, np.arange(len(ordered)) % 60, 60, against)


def test_as_many_detections_are_kept_as_the_other_model_keeps():
    base, other = model([0.9, 0.6, 0.3, 0.1]), model([0.8, 0.5, 0.2, 0.05])

    restored = restore(base, other, 0.25)

    assert (restored.base.detections, restored.unchanged.detections) == (3, 2)
    assert restored.by_count.confidence == pytest.approx(0.125)
    assert restored.by_count.detections == 3
    assert restored.by_count_ci95[0] <= 0.125 <= restored.by_count_ci95[1]
    assert (restored.by_precision, restored.by_recall) == (None, None)


def test_equal_scores_are_kept_together_and_the_nearest_count_is_taken():
    base, other = model([0.9, 0.8, 0.7]), model([0.6, 0.5, 0.5, 0.5, 0.4])

    assert restore(base, other, 0.75).by_count.detections == 1
    assert restore(base, other, 0.25).by_count.detections == 4


def test_a_model_that_finds_fewer_keeps_all_it_has():
    restored = restore(model([0.9, 0.8, 0.7]), model([0.6]), 0.25)

    assert restored.by_count.detections == 1
    assert 0 < restored.by_count.confidence < 0.6


def test_precision_and_recall_are_restored_as_known_by_hand():
    # FP32 keeps three at 0.25, two of them right, of four objects: precision 2/3, recall 1/2.
    base = model([0.9, 0.5, 0.3, 0.2], right=[1, 1, 0, 1], objects=4)
    other = model([0.8, 0.4, 0.24, 0.2, 0.1], right=[1, 0, 1, 0, 0], objects=4)

    restored = restore(base, other, 0.25)

    assert (restored.base.precision, restored.base.recall) == (pytest.approx(2 / 3), 0.5)
    assert (restored.unchanged.precision, restored.unchanged.recall) == (0.5, 0.25)
    assert restored.by_precision.confidence == pytest.approx(0.22)
    assert restored.by_precision.precision == pytest.approx(2 / 3)
    assert restored.by_recall.confidence == pytest.approx(0.22)
    assert restored.by_recall.recall == 0.5


def test_what_cannot_be_reached_is_not_promised():
    base = model([0.9, 0.5], right=[1, 1], objects=2)
    other = model([0.8, 0.4], right=[0, 1], objects=2)

    restored = restore(base, other, 0.25)

    assert (restored.by_precision, restored.by_recall) == (None, None)
    assert restored.by_count.detections == 2


@settings(max_examples=60)
@given(seed=seeds)
def test_each_restored_threshold_is_the_one_that_trying_all_finds(seed):
    rng = np.random.default_rng(seed)
    base, other = (
        model(
            rng.integers(1, 40, n) / 40,
            right=rng.integers(0, 2, n),
            objects=int(rng.integers(9, 20)),
        )
        for n in rng.integers(1, 30, 2)
    )
    other = Scored(
        other.scores,
        other.places,
        other.images,
        Judged(other.judged.scores, other.judged.right, base.judged.objects),
    )
    confidence = float(base.scores[rng.integers(len(base.scores))])

    restored = restore(base, other, confidence, resamples=5)

    tried = [kept_at(other, c) for c in np.arange(0.5, 40) / 40 if (other.scores >= c).any()]
    wanted = restored.base
    gaps = {abs(t.detections - wanted.detections) for t in tried}
    assert abs(restored.by_count.detections - wanted.detections) == min(gaps)
    precise = [t.detections for t in tried if t.precision >= wanted.precision - 1e-12]
    assert getattr(restored.by_precision, "detections", 0) == max(precise, default=0)
    recalling = [t.detections for t in tried if t.recall >= wanted.recall - 1e-12]
    assert getattr(restored.by_recall, "detections", 0) == min(recalling, default=0)


@given(st.lists(st.integers(1, 99), min_size=1, max_size=60), st.floats(0.3, 1))
def test_a_scale_that_is_only_stretched_is_found(percent, factor):
    scores = np.array(percent) / 100
    base, other = model(scores), model(scores * factor)

    restored = restore(base, other, float(scores.min()), resamples=5)

    assert restored.by_count.detections == len(scores)
    for confidence, there in scale(base, other):
        kept = (base.scores >= confidence).sum()
        assert (other.scores >= there).sum() == kept >= 10


def test_the_scale_rises():
    rng = np.random.default_rng(0)
    base, other = model(rng.random(5000)), model(rng.random(5000) ** 2)

    first, second = np.array(scale(base, other)).T

    assert first.tolist() == pytest.approx(np.arange(1, 10) / 10)
    assert (np.diff(second) > 0).all()
    assert second == pytest.approx(first**2, abs=0.06)


def test_the_interval_holds_the_threshold_and_narrows_with_images():
    rng = np.random.default_rng(1)
    widths = []
    for images in (40, 640):
        places = np.arange(10 * images) % images
        scores = np.sort(rng.random(10 * images))[::-1]
        base = Scored(scores, rng.permutation(places), images)
        other = Scored(0.8 * scores, rng.permutation(places), images)
        low, high = restore(base, other, 0.5).by_count_ci95
        assert low < 0.4 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2.5


@settings(max_examples=30)
@given(seed=seeds)
def test_the_best_point_is_the_one_that_trying_all_finds(scene, seed):
    dataset, boxes = scene(seed)
    ids = sorted(boxes)
    matches = match(truth_table(dataset, ids), found_table(boxes, ids, CLASSES), ids)
    detections = judged(matches)

    point = best_point(detections)

    of_all = scored(boxes, ids, matches)
    tried = [kept_at(of_all, float(np.float32(c / 10))) for c in range(11)]
    f1 = [
        2 * k.precision * k.recall / (k.precision + k.recall)
        for k in tried
        if k.precision and k.recall
    ]
    assert (point is None) == (f1 == [])
    if point:
        assert point.f1 == pytest.approx(max(f1))


def test_without_detections_there_is_no_best_point():
    assert best_point(Judged(np.empty(0), np.empty(0, np.int64), 3)) is None
    assert best_point(judged(())) is None


def test_a_threshold_that_keeps_nothing_has_no_precision():
    kept = kept_at(model([0.2], right=[1], objects=2), 0.9)

    assert (kept.detections, kept.precision, kept.recall) == (0, None, 0.0)
