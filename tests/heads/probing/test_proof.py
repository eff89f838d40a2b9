from __future__ import annotations

import numpy as np
import pytest

from edgekit.heads.probing.match_scores import random_values
from edgekit.heads.probing.proof import proves
from edgekit.heads.probing.search import known_matches, raw_shapes
from tests.heads import detectors as nets


@pytest.fixture
def matched(opened):
    with opened(nets.anchored()) as (runner, outputs, _):
        raws = random_values(raw_shapes(runner), np.random.default_rng(5))
        (match,) = known_matches(runner, outputs)
        return match, {**raws, **runner.run(raws)}


def test_the_right_formula_is_proven(matched):
    match, values = matched

    assert proves(match, values)


@pytest.mark.parametrize(
    "change", [{"xy_scale": 1.9}, {"size": "exp"}, {"activation": "none"}], ids=str
)
def test_another_formula_is_not(change, matched):
    match, values = matched
    wrong = match.cut.model_copy(update=change)

    assert not proves(type(match)(match.layout, match.own, wrong, match.predictions, True), values)


def test_another_order_of_predictions_is_not(matched):
    match, values = matched
    order = np.roll(match.predictions, 1)

    assert not proves(type(match)(match.layout, match.own, match.cut, order, True), values)
