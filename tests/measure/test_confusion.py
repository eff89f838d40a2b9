"""Confusion of classes: by hand on single images, and sums that hold in any scene."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure.coco import FoundTable, TruthTable, found_table, truth_table
from edgekit.measure.confusion import confusion
from edgekit.measure.curves import curves
from edgekit.measure.matches import match
from edgekit.measure.thresholds import judged

CLASSES = (7, 1, 3)
NAMES = {1: "ant", 3: "bee", 7: "cat"}
HERE, NEAR, ELSEWHERE = (0, 0, 10, 10), (0, 0, 10, 8), (50, 50, 10, 10)
NOTHING = ()


def cells(truth, found, confidence=0.5):
    """Return what is counted in one image: objects are (box, class, crowd), detections (box, class,
    score)."""
    boxes, kinds, crowd = zip(*truth, strict=True) if truth else ((), (), ())
    seen, seen_as, scores = zip(*found, strict=True) if found else ((), (), ())
    objects = TruthTable(
        images=np.ones(len(kinds), np.int64),
        categories=np.array(kinds, np.int64),
        xywh=np.array(boxes, float).reshape(-1, 4),
        crowd=np.array(crowd, np.bool_),
        areas=np.ones(len(kinds)),
    )
    detections = FoundTable(
        images=np.ones(len(scores), np.int64),
        categories=np.array(seen_as, np.int64),
        xywh=np.array(seen, float).reshape(-1, 4),
        scores=np.array(scores, float),
    )
    found_cells = confusion(objects, detections, NAMES, confidence).cells
    return {(c.truth, c.found): c.count for c in found_cells}


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        ([(HERE, 1, False)], [(NEAR, 1, 0.9)], {("ant", "ant"): 1}),
        ([(HERE, 1, False)], [(NEAR, 3, 0.9)], {("ant", "bee"): 1}),
        ([(HERE, 1, False)], NOTHING, {("ant", None): 1}),
        (NOTHING, [(HERE, 1, 0.9)], {(None, "ant"): 1}),
        ([(HERE, 1, False)], [(ELSEWHERE, 1, 0.9)], {("ant", None): 1, (None, "ant"): 1}),
        ([(HERE, 1, False)], [(HERE, 1, 0.4)], {("ant", None): 1}),
        ([(HERE, 1, True)], [(NEAR, 1, 0.9), (HERE, 1, 0.8)], {}),
        ([(HERE, 1, True)], [(HERE, 3, 0.9)], {(None, "bee"): 1}),
        (NOTHING, NOTHING, {}),
    ],
    ids=[
        "found",
        "taken for another",
        "missed",
        "nothing there",
        "too far away",
        "not sure enough",
        "on a crowd",
        "on a crowd of another class",
        "empty",
    ],
)
def test_one_image_by_hand(truth, found, expected):
    assert cells(truth, found) == expected


def test_the_right_class_goes_before_a_better_fit_and_a_higher_score():
    found = [(HERE, 3, 0.9), (NEAR, 1, 0.6)]

    assert cells([(HERE, 1, False)], found) == {("ant", "ant"): 1, (None, "bee"): 1}


def test_of_two_objects_left_over_the_nearer_one_is_the_one_mistaken():
    truth = [(NEAR, 1, False), (HERE, 3, False)]

    assert cells(truth, [(HERE, 7, 0.9)]) == {("bee", "cat"): 1, ("ant", None): 1}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tenth=st.integers(0, 10))
def test_rows_are_objects_and_the_diagonal_is_what_recall_counts(scene, seed, tenth):
    dataset, boxes = scene(seed, images=6)
    ids = sorted(boxes)
    truth, found = truth_table(dataset, ids), found_table(boxes, ids, CLASSES)

    counted = confusion(truth, found, NAMES, float(np.float32(tenth / 10))).cells

    rows, diagonal = Counter(), 0
    for cell in counted:
        rows[cell.truth] += cell.count
        diagonal += cell.count * (cell.truth == cell.found)
    del rows[None]
    real = Counter(NAMES[c] for c in truth.categories[~truth.crowd].tolist())
    assert rows == real
    matches = match(truth, found, ids)
    if matches:
        judgement = judged(matches)
        flat = np.full((101, 1), 0.5)
        recall = curves(judgement, flat).recall[10 * tenth]
        assert diagonal == pytest.approx(recall * judgement.objects)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_without_crowds_columns_are_detections(scene, seed):
    dataset, boxes = scene(seed, images=6)
    ids = sorted(boxes)
    truth, found = truth_table(dataset, ids), found_table(boxes, ids, CLASSES)
    truth = replace(truth, crowd=np.zeros_like(truth.crowd))

    columns = Counter()
    for cell in confusion(truth, found, NAMES, 0.5).cells:
        columns[cell.found] += cell.count

    del columns[None]
    sure = found.categories[found.scores >= 0.5].tolist()
    assert columns == Counter(NAMES[c] for c in sure)
