from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.heads.probing.layouts import Layout
from edgekit.heads.probing.match_scores import (
    Keys,
    find_block,
    find_scores,
    picking_values,
    probe_values,
    random_values,
    reading,
    tables,
)
from edgekit.heads.scores import read
from edgekit.heads.spec import View
from tests.heads.heads import logistic

LAYOUT = Layout(
    scores=tuple(View(output=o, axis=1, columns=(1, 6)) for o in ("a", "b")),
    objectness=tuple(View(output=o, axis=1, columns=(0, 1)) for o in ("a", "b")),
)
SHARED = Layout(scores=LAYOUT.scores, shares=True)
SHAPES = {"a": (1, 6, 4, 5), "b": (1, 6, 2, 3)}
COUNT = 26


def probed(layout):
    raws = probe_values(layout, SHAPES)
    return raws, reading(layout, raws)


def shuffled(values):
    order = np.random.default_rng(1).permutation(COUNT)
    return order, np.float32(values[:, order])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_table_shows_every_axis_as_columns(axis):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

    found = {t.axis: t.values for t in tables({"x": array, "no": np.array(["text"])})}

    assert set(found) == {0, 1, 2}
    np.testing.assert_array_equal(found[axis][1], np.take(array, 1, axis=axis).ravel())


def test_every_prediction_of_a_probe_has_scores_of_its_own():
    _, seen = probed(LAYOUT)

    assert seen.logits.shape == (5, COUNT)
    for values in (*seen.logits, seen.objectness, logistic(seen.logits[0])):
        assert len(np.unique(np.float32(values).round(5))) == COUNT


def test_every_class_of_every_prediction_has_a_score_of_its_own_when_picking():
    raws = picking_values(LAYOUT, SHAPES)
    logits = np.concatenate([read(raws, v) for v in LAYOUT.scores], axis=1)

    assert len(np.unique(logits)) == 5 * COUNT
    assert min(read(raws, v).min() for v in LAYOUT.objectness) > 6


@pytest.mark.parametrize("spelling", ["sigmoid", "logits", "product"])
def test_scores_are_found_in_any_order_of_rows_and_place_of_columns(spelling):
    _, seen = probed(LAYOUT)
    scores = {
        "sigmoid": logistic(seen.logits),
        "logits": seen.logits,
        "product": logistic(seen.logits) * logistic(seen.objectness),
    }[spelling]
    order, moved = shuffled(scores)
    output = np.concatenate([np.full((2, COUNT), 300.0, np.float32), moved])

    (found,) = find_scores(tables({"out": output}), seen)

    np.testing.assert_array_equal(found.predictions, order)
    assert (found.block.start, found.block.stop) == (2, 7)
    assert found.scores.activation == ("sigmoid" if spelling == "logits" else "none")
    assert found.scores.multiplied == (spelling == "product")


@pytest.mark.parametrize(
    ("columns", "background"), [((0, 5), True), ((1, 5), False), ((0, 4), False)]
)
def test_shares_are_found_with_and_without_their_background(columns, background):
    _, seen = probed(SHARED)
    powers = np.exp(np.float64(seen.logits))
    order, moved = shuffled((powers / powers.sum(axis=0))[slice(*columns)])

    (found,) = find_scores(tables({"out": moved[None]}), seen)

    np.testing.assert_array_equal(found.predictions, order)
    assert found.scores.background == background


def test_scores_in_several_outputs_are_put_together():
    _, seen = probed(LAYOUT)
    scores = np.float32(logistic(seen.logits))

    found = find_scores(tables({"a": scores[:, :20], "b": scores[:, 20:].T}), seen)

    assert [c.block.table.output for c in found] == ["a", "b"]


def test_scores_of_only_some_predictions_are_no_scores():
    _, seen = probed(LAYOUT)

    assert find_scores(tables({"a": np.float32(logistic(seen.logits))[:, :20]}), seen) == []


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_keys_are_located_and_strangers_are_not(seed):
    rng = np.random.default_rng(seed)
    values = rng.permutation(np.linspace(-1, 1, 50)).astype(np.float32)
    asked = rng.choice(50, 20, replace=False)
    keys = Keys(values)

    np.testing.assert_array_equal(keys.locate(values[asked]), asked)
    assert keys.locate(values[asked] + np.float32(0.01)) is None
    assert keys.locate(values[[3, 3]]) is None
    assert keys.gap == pytest.approx(2 / 49, rel=1e-3)


def test_a_block_is_found_by_its_values():
    values = random_values({"x": (6, 40)}, np.random.default_rng(0))["x"]

    block = find_block(tables({"other": values[:, :5], "x": values}), values[2:5])

    assert (block.table.output, block.start, block.stop) == ("x", 2, 5)
    assert block.view().rows is None
    assert block.view((0, 40)).rows is None
    assert block.view((0, 7)).rows == (0, 7)
    assert find_block(tables({"x": values}), values[2:5] + 1) is None
