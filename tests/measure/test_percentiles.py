"""Intervals of percentiles: their coverage by simulation, and when there is none."""

from math import comb
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgekit.measure.percentiles import independent_runs, percentile_interval, spread_of


def drifting(rng, rounds, runs, memory):
    """Return log-normal times; half of their variance is a state that rounds pass on."""
    state = np.empty(rounds + 100)
    state[0] = rng.normal()
    for i, step in enumerate(rng.normal(size=rounds + 99), 1):
        state[i] = memory * state[i - 1] + np.sqrt(1 - memory**2) * step
    share = 0.5 if memory else 0.0
    noise = rng.normal(size=(rounds, runs))
    return np.exp(0.1 * (np.sqrt(share) * state[100:, None] + np.sqrt(1 - share) * noise))


@pytest.mark.parametrize(
    ("memory", "percentile", "least"),
    [(0.0, 0.5, 0.93), (0.0, 0.9, 0.93), (0.5, 0.5, 0.86), (0.5, 0.9, 0.86)],
)
def test_intervals_cover_the_true_percentile_also_when_rounds_hang_together(
    memory, percentile, least
):
    rng = np.random.default_rng(3)
    true = np.exp(0.1 * NormalDist().inv_cdf(percentile))

    found = [percentile_interval(drifting(rng, 40, 5, memory), percentile) for _ in range(300)]

    bounds = [b for b in found if b is not None]
    assert len(bounds) > 200
    assert np.mean([low <= true <= high for low, high in bounds]) >= least


def test_independent_runs_count_nearly_all_and_repeated_ones_once():
    rng = np.random.default_rng(0)
    alone = rng.normal(size=(60, 5))
    repeated = np.repeat(rng.normal(size=(60, 1)), 5, axis=1)

    assert 150 <= independent_runs(alone, 0.5) <= 300
    assert 30 <= independent_runs(repeated, 0.5) <= 60


def test_the_median_of_100_runs_lies_between_the_40th_and_the_61st():
    assert sum(comb(100, k) for k in range(40, 61)) / 2**100 > 0.95
    assert sum(comb(100, k) for k in range(41, 60)) / 2**100 < 0.95

    assert percentile_interval(np.arange(1.0, 101)[None], 0.5) == (40, 61)


@pytest.mark.parametrize(("runs", "bounded"), [(100, False), (365, False), (370, True)])
def test_the_99th_percentile_of_few_runs_has_no_upper_bound(runs, bounded):
    interval = percentile_interval(np.arange(float(runs))[None], 0.99)

    assert (interval is not None) is bounded


@given(
    arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 6)), elements=st.floats(1, 9))
)
def test_an_interval_lies_within_the_times_around_the_percentile(rounds):
    spread = spread_of(rounds.tolist())

    assert len(spread.quantiles) == 101
    assert list(spread.quantiles) == sorted(spread.quantiles)
    assert spread.quantiles[0] == rounds.min()
    assert spread.quantiles[100] == rounds.max()
    for interval, q in ((spread.p50_ci95, 0.5), (spread.p90_ci95, 0.9), (spread.p99_ci95, 0.99)):
        if interval is not None:
            low, high = interval
            assert rounds.min() <= low <= np.quantile(rounds, q, method="higher")
            assert np.quantile(rounds, q, method="lower") <= high <= rounds.max()
