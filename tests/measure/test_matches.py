"""Our own matching is COCO's: by hand on small cases, and the library's mAP from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure.coco import AREA_RANGES, AREAS, evaluate, found_table, truth_table
from edgekit.measure.matches import match, match_image
from edgekit.measure.statistics import weighted_map

CLASSES = (7, 1, 3)
NO_CROWD = np.zeros(1, np.bool_)


def boxes(*xywh):
    return np.array(xywh, float).reshape(-1, 4)


def test_the_stronger_detection_takes_the_object():
    found = boxes((0, 0, 10, 10), (0, 0, 10, 10))

    hits, ignored = match_image(found, boxes((0, 0, 10, 10)), NO_CROWD)

    assert hits.tolist() == [[True, False]] * 10
    assert not ignored.any()


def test_an_object_is_found_up_to_its_overlap_only():
    hits, _ = match_image(boxes((0, 0, 10, 7.7)), boxes((0, 0, 10, 10)), NO_CROWD)

    assert hits[:, 0].tolist() == [True] * 6 + [False] * 4


def test_any_number_may_fall_on_a_crowd_and_none_counts():
    found = boxes((0, 0, 10, 10), (20, 20, 10, 10))
    truth = boxes((0, 0, 100, 100))

    hits, ignored = match_image(found, truth, np.array([True]))

    assert not hits.any()
    assert ignored.all()


def test_an_object_goes_before_the_crowd_around_it():
    truth = boxes((0, 0, 100, 100), (0, 0, 10, 9))

    hits, ignored = match_image(boxes((0, 0, 10, 10)), truth, np.array([True, False]))

    assert hits[:, 0].tolist() == [True] * 9 + [False]
    assert ignored[:, 0].tolist() == [False] * 9 + [True]


def test_a_detection_moves_on_to_the_next_best_free_object():
    truth = boxes((0, 0, 10, 10), (0, 0, 10, 8))
    found = boxes((0, 0, 10, 10), (0, 0, 10, 10))

    hits, _ = match_image(found, truth, np.zeros(2, np.bool_))

    assert hits[0].tolist() == [True, True]
    assert hits[9].tolist() == [True, False]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_counts_hold_in_any_scene(scene, seed):
    dataset, found = scene(seed)
    ids = sorted(found)
    truth = truth_table(dataset, ids)

    for one in match(truth, found_table(found, ids, CLASSES), ids):
        real = (truth.categories == one.category) & ~truth.crowd
        assert one.objects.sum() == real.sum()
        assert (np.diff(one.scores) <= 0).all()
        assert not (one.hits & one.ignored).any()
        assert (np.diff(one.hits.sum(axis=1)) <= 0).all()
        per_image = np.bincount(one.images, weights=one.hits[0], minlength=len(ids))
        assert (per_image <= one.objects).all()


def test_at_most_a_hundred_per_image_and_category_count(scene):
    dataset, found = scene(seed=0, images=2, most_found=900)
    ids = sorted(found)
    assert max(len(b) for b in found.values()) > 300

    for one in match(truth_table(dataset, ids), found_table(found, ids, CLASSES), ids):
        assert np.bincount(one.images).max() <= 100


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from(sorted(AREAS)))
def test_objects_of_one_size_are_scored_as_the_library_scores_them(scene, seed, size):
    dataset, found = scene(seed, images=8, most_found=150)
    ids = sorted(found)
    truth, table = truth_table(dataset, ids), found_table(found, ids, CLASSES)

    matches = match(truth, table, ids, AREAS[size])

    evaluated = evaluate(truth, table, ids, sorted(CLASSES))
    precision = evaluated.precision[..., AREA_RANGES.index(size)]
    by_class = {
        c: p.mean()
        for c, p in zip(sorted(CLASSES), np.moveaxis(precision, 2, 0), strict=True)
        if (p > -1).all()
    }
    once = np.ones((len(ids), 1), np.int64)
    assert {m.category: weighted_map([m], once)[0] for m in matches} == pytest.approx(by_class)


def test_an_object_of_another_size_is_shared_by_none():
    found = boxes((0, 0, 10, 10), (0, 0, 10, 10))

    hits, ignored = match_image(found, boxes((0, 0, 10, 10)), NO_CROWD, np.array([False]))

    assert not hits.any()
    assert ignored.tolist() == [[True, False]] * 10
