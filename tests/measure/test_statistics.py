"""Resampled mAP: equal to the library's on any resample, and intervals that behave."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgekit.measure.coco import evaluate, found_table, truth_table
from edgekit.measure.matches import match
from edgekit.measure.statistics import map_drop_interval, median_interval, weighted_map
from edgekit.values import Dataset, ImageRecord

CLASSES = (7, 1, 3)


def library_map(dataset, boxes):
    ids = sorted(boxes)
    found = found_table(boxes, ids, CLASSES)
    precision = evaluate(truth_table(dataset, ids), found, ids, sorted(CLASSES)).precision[..., 0]
    return precision[precision > -1].mean() if (precision > -1).any() else np.nan


def matches_of(dataset, boxes):
    ids = sorted(boxes)
    return match(truth_table(dataset, ids), found_table(boxes, ids, CLASSES), ids)


def repeated(dataset, boxes, weights):
    """Return the data set with image i there as often as its weight says."""
    by_id = {r.id: r for r in dataset.records}
    order = [i for i, w in zip(sorted(boxes), weights, strict=True) for _ in range(w)]
    records = [
        ImageRecord(new, by_id[old].path, by_id[old].labelled_hw, by_id[old].truth)
        for new, old in enumerate(order)
    ]
    again = Dataset(dataset.name, tuple(records), dataset.categories)
    return again, {new: boxes[old] for new, old in enumerate(order)}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), images=st.integers(1, 12))
def test_counted_once_it_is_the_library_figure(scene, seed, images):
    dataset, boxes = scene(seed, images, most_found=200)
    matches = matches_of(dataset, boxes)
    assume(matches)

    once = weighted_map(matches, np.ones((images, 1), np.int64))

    assert once[0] == pytest.approx(library_map(dataset, boxes), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_weight_is_as_good_as_repeating_the_image(scene, seed):
    dataset, boxes = scene(seed, images=8)
    boxes = without_ties(boxes)
    matches = matches_of(dataset, boxes)
    assume(matches)
    weights = np.random.default_rng(seed).multinomial(8, [1 / 8] * 8, 3).T

    weighted = weighted_map(matches, weights)

    expected = [library_map(*repeated(dataset, boxes, w)) for w in weights.T]
    assert weighted == pytest.approx(expected, abs=1e-12, nan_ok=True)


def without_ties(boxes):
    """Return detections that no two images score alike: repeats then only tie with themselves."""
    step = iter(np.arange(1, 1000) * 1e-5)
    return {
        i: replace(b, scores=b.scores - np.array([next(step) for _ in b.scores], np.float32))
        for i, b in boxes.items()
    }


def test_the_same_detections_lose_nothing(scene):
    matches = matches_of(*scene(seed=5))

    interval = map_drop_interval(matches, matches, resamples=200)

    assert (interval.value, interval.low, interval.high) == (0, 0, 0)


def test_a_clear_loss_has_an_interval_above_zero(scene):
    dataset, boxes = scene(seed=6, images=60)
    weaker = {
        i: b if n % 2 else type(b)(b.xyxy[:0], b.scores[:0], b.classes[:0])
        for n, (i, b) in enumerate(boxes.items())
    }

    base, other = matches_of(dataset, boxes), matches_of(dataset, weaker)
    interval = map_drop_interval(base, other, resamples=300)

    drop = 100 * (library_map(dataset, boxes) - library_map(dataset, weaker))
    assert interval.value == pytest.approx(drop, abs=1e-9)
    assert 0 < interval.low < interval.value < interval.high


def test_the_interval_is_the_same_every_time(scene):
    dataset, boxes = scene(seed=7)
    _, others = scene(seed=7, most_found=39)
    base, other = matches_of(dataset, boxes), matches_of(dataset, others)

    first = map_drop_interval(base, other, resamples=130)

    assert first == map_drop_interval(base, other, resamples=130)
    assert first != map_drop_interval(base, other, resamples=130, seed=1)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=30))
def test_the_median_lies_in_its_interval(values):
    interval = median_interval(values, resamples=200)

    assert interval.value == np.median(values)
    assert min(values) <= interval.low <= interval.high <= max(values)
    assert interval.low <= interval.value <= interval.high


def test_more_rounds_make_the_median_surer():
    values = np.random.default_rng(0).normal(1.5, 0.1, 400)

    few, many = median_interval(values[:20].tolist()), median_interval(values.tolist())

    assert many.high - many.low < (few.high - few.low) / 2
    assert many.low < 1.5 < many.high
