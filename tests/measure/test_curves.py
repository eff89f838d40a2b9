"""Curves over confidence, counted again one detection at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure.curves import CONFIDENCES, curves
from edgekit.measure.thresholds import Judged, best_point

FLAT = np.full((101, 1), 0.5)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(0, 1, width=32) | st.sampled_from([0.3, 0.7]), st.booleans()),
        max_size=30,
    ),
    st.integers(0, 5),
)
def test_every_point_counts_what_lies_at_or_above_its_confidence(found, missed):
    found = sorted(((np.float32(s), hit) for s, hit in found), key=lambda pair: -pair[0])
    scores = np.array([s for s, _ in found], np.float64)
    hits = [hit for _, hit in found]
    objects = max(1, sum(hits) + missed)

    drawn = curves(Judged(scores, np.cumsum(hits, dtype=np.int64), objects), FLAT)

    for at, confidence in enumerate(CONFIDENCES):
        kept = [hit for score, hit in found if score >= confidence]
        assert drawn.recall[at] == sum(kept) / objects
        assert drawn.precision[at] == (sum(kept) / len(kept) if kept else None)
        assert drawn.f1[at] == pytest.approx(2 * sum(kept) / (len(kept) + objects))


def test_the_best_of_the_curve_is_the_operating_point():
    scores = np.linspace(1, 0, 101)
    judged = Judged(scores, np.cumsum(np.arange(101) < 40), 60)

    drawn = curves(judged, FLAT)

    assert max(drawn.f1) == best_point(judged).f1


def test_precision_at_recall_is_the_mean_over_classes_with_objects():
    precision = np.stack([np.full(101, -1.0), np.linspace(1, 0, 101), np.full(101, 0.5)], axis=1)

    drawn = curves(Judged(np.empty(0), np.empty(0, np.int64), 1), precision)

    assert drawn.precision_at_recall == pytest.approx(np.linspace(0.75, 0.25, 101))
