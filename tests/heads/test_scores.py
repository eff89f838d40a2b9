from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.heads.scores import (
    activate,
    candidates,
    class_scores,
    exponential,
    read,
    sigmoid,
    softmax,
    threshold_before,
)
from edgekit.heads.spec import View
from tests.heads.heads import (
    CELLS,
    anchors_head,
    decoded_head,
    distances_head,
    logistic,
    random_map,
)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_view_reads_the_same_columns_from_any_axis(axis):
    table = np.random.default_rng(0).normal(size=(7, CELLS)).astype(np.float32)
    output = np.moveaxis(table.reshape(1, 7, 4, 6), 1, axis)

    seen = read({"out": output}, View(output="out", axis=axis, columns=(2, 5)))
    some = read({"out": output}, View(output="out", axis=axis, columns=(2, 5), rows=(6, 12)))

    np.testing.assert_array_equal(seen, table[2:5])
    np.testing.assert_array_equal(some, table[2:5, 6:12])


@pytest.mark.parametrize("shape", [(1, 7, 24), (1, 7, 4, 6)])
def test_a_view_of_channels_first_does_not_copy(shape):
    output = np.zeros(shape, np.float32)

    assert np.shares_memory(read({"o": output}, View(output="o", axis=1, columns=(1, 3))), output)


@settings(deadline=None)
@given(score=st.floats(0.001, 0.999))
def test_a_threshold_before_the_sigmoid_is_the_threshold_after_it(score):
    assert logistic(threshold_before("sigmoid", score)) == pytest.approx(score)
    assert threshold_before("none", score) == score


def test_thresholds_at_the_ends_let_all_or_nothing_through():
    assert threshold_before("sigmoid", 0) == -math.inf
    assert threshold_before("sigmoid", 1) == math.inf


def test_sizes_grow_exponentially_and_stay_finite():
    raw = np.float32([-3, 0, 5])

    np.testing.assert_allclose(exponential(raw), np.exp(np.float64(raw)), rtol=1e-6)
    assert np.isfinite(exponential(np.float32([1e4])) ** 2)


def test_sigmoid_and_softmax_survive_extremes():
    extremes = np.float32([-1e4, -80, 0, 80, 1e4])

    np.testing.assert_allclose(sigmoid(extremes), [0, 0, 0.5, 1, 1], atol=1e-6)
    np.testing.assert_allclose(softmax(extremes, axis=0), [0, 0, 0, 0, 1], atol=1e-6)
    np.testing.assert_array_equal(activate(extremes, "none"), extremes)


def test_every_class_of_every_prediction_above_the_threshold_is_a_candidate():
    raw, head = random_map(7), distances_head(1)

    found = candidates({"out": raw}, head.parts[0], head, 0.6)

    scores = logistic(raw[0, 4:].reshape(3, CELLS).T)
    rows, classes = np.nonzero(scores > 0.6)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.classes, classes)
    np.testing.assert_allclose(found.scores, scores[rows, classes], rtol=1e-5)


def test_objectness_multiplies_scores():
    raw, head = random_map(8), anchors_head()

    found = candidates({"out": raw}, head.parts[0], head, 0.3)

    values = logistic(raw[0].reshape(8, CELLS))
    rows, classes = np.nonzero((values[4] * values[5:]).T > 0.3)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.classes, classes)
    np.testing.assert_allclose(found.scores, values[4, rows] * values[5 + classes, rows], rtol=1e-5)


@pytest.mark.parametrize(("background", "expected"), [(0, [0, 1]), (2, [0, 1])])
def test_the_background_is_no_class(background, expected):
    out = np.zeros((1, 7, 1), np.float32)
    out[0, 4:, 0] = 0.4
    out[0, 4 + background, 0] = 0.9
    head = decoded_head(background=background)

    found = candidates({"out": out}, head.parts[0], head, 0.1)

    assert found.classes.tolist() == expected
    np.testing.assert_allclose(found.scores, 0.4)


@pytest.mark.parametrize(
    "head",
    [distances_head(8), anchors_head(), decoded_head(), decoded_head(background=1, classes=2)],
    ids=lambda head: head.kind,
)
def test_scores_of_rows_are_those_that_candidates_have(head):
    outputs = {"out": np.abs(random_map(35))}
    if head.kind == "decoded" and head.background is not None:
        part = head.parts[0]
        scores = part.scores.model_copy(update={"columns": (4, 7)})
        head = head.model_copy(update={"parts": (part.model_copy(update={"scores": scores}),)})
    rows = np.array([2, 5, 11])

    table = class_scores(outputs, head.parts[0], head, rows)

    found = candidates(outputs, head.parts[0], head, 0)
    by_place = dict(zip(zip(found.rows, found.classes, strict=True), found.scores, strict=True))
    expected = [[by_place[r, c] for c in range(head.classes)] for r in rows]
    np.testing.assert_allclose(table, expected, rtol=1e-6)
