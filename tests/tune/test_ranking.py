from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.tune.ranking import between, interval, kendall, resampled, shared_top, spearman

numbers = st.lists(st.integers(0, 9), min_size=2, max_size=12)


def ranks(values):
    """Mean place of each value among all, counted."""
    return [sum(v < w for v in values) + (sum(v == w for v in values) - 1) / 2 for w in values]


def tau_b(a, b):
    """Kendall's definition, pair by pair."""
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]
    sides = [((a[i] > a[j]) - (a[i] < a[j]), (b[i] > b[j]) - (b[i] < b[j])) for i, j in pairs]
    untied = [sum(s[k] != 0 for s in sides) for k in (0, 1)]
    return sum(x * y for x, y in sides) / np.sqrt(untied[0] * untied[1]) if all(untied) else 0.0


@given(values=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12))
def test_correlations_are_those_of_their_definitions(values):
    a, b = zip(*values, strict=True)
    ranked = np.array([ranks(a), ranks(b)], float)
    flat = np.ptp(ranked, axis=1).min() == 0

    expected = 0.0 if flat else np.corrcoef(ranked)[0, 1]

    assert spearman(a, b) == pytest.approx(expected)
    assert kendall(a, b) == pytest.approx(tau_b(a, b))


@given(values=numbers)
def test_a_ranking_agrees_with_itself_and_is_the_opposite_of_its_reverse(values):
    varied = len(set(values)) > 1

    assert spearman(values, values) == pytest.approx(float(varied))
    assert kendall(values, [-v for v in values]) == pytest.approx(-float(varied))


def test_the_shared_top_counts_what_two_tops_have_in_common():
    assert shared_top([5, 4, 3, 2, 1], [5, 1, 4, 2, 3], count=2) == 0.5
    assert shared_top([1, 2], [2, 1], count=10) == 1


def test_between_is_the_mean_over_pairs_and_unknown_of_one():
    rankings = [[1, 2, 3], [1, 2, 3], [3, 2, 1]]

    assert between(rankings, spearman) == pytest.approx((1 - 1 - 1) / 3)
    assert between(rankings[:1], spearman) is None


def test_resampling_counts_as_many_images_as_there_are_and_spreads_as_a_mean_does():
    values = np.random.default_rng(0).normal(size=40)

    sums = resampled(40, lambda w: np.array([w.sum()]), 50, seed=1)
    means = resampled(40, lambda w: np.array([w @ values / 40]), 4000, seed=1)

    assert (sums == 40).all()
    assert means.std() == pytest.approx(values.std() / np.sqrt(40), rel=0.05)
    found = interval(float(values.mean()), means[:, 0])
    assert found.high - found.low == pytest.approx(2 * 1.96 * means.std(), rel=0.1)
