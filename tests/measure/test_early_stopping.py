"""The rule against its own words, summed by brute force, and against what LoadGen printed."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.measure.early_stopping import early_stopping_estimate, slow_runs_allowed


def chance_of_at_most(slow, runs, percentile):
    """Return how probable so few slow runs are, by the definition of the binomial."""
    late = 1 - percentile
    return sum(comb(runs, k) * late**k * percentile ** (runs - k) for k in range(slow + 1))


@given(runs=st.integers(1, 500), percentile=st.sampled_from([0.5, 0.9, 0.95]))
def test_one_more_slow_run_would_be_one_too_many(runs, percentile):
    slow = slow_runs_allowed(runs, percentile)

    if slow is None:
        assert chance_of_at_most(1, runs, percentile) >= 0.01
    else:
        assert chance_of_at_most(slow, runs, percentile) < 0.01
        assert chance_of_at_most(slow + 1, runs, percentile) >= 0.01


@pytest.mark.parametrize(("percentile", "fewest"), [(0.9, 64), (0.99, 662)])
def test_the_fewest_runs_are_those_that_loadgen_names(percentile, fewest):
    assert slow_runs_allowed(fewest - 1, percentile) is None
    assert slow_runs_allowed(fewest, percentile) == 1


@pytest.mark.parametrize(("runs", "discarded"), [(201, 9), (659, 47)])
def test_as_many_runs_are_discarded_as_in_published_logs_of_loadgen(runs, discarded):
    times = np.arange(1.0, runs + 1)

    assert early_stopping_estimate(times) == runs - discarded


@given(
    times=st.lists(st.floats(0.1, 1e3), min_size=64, max_size=300),
    slower=st.floats(1, 3),
)
def test_the_estimate_is_a_time_no_better_than_the_percentile(times, slower):
    estimate = early_stopping_estimate(times)

    assert estimate in times
    assert estimate >= np.percentile(times, 90, method="lower")
    assert early_stopping_estimate([t * slower for t in times]) == pytest.approx(estimate * slower)


def test_it_is_above_the_true_percentile_99_times_of_100():
    rng = np.random.default_rng(7)
    true = -np.log(0.1)  # of exponential times

    above = [early_stopping_estimate(rng.exponential(size=100)) >= true for _ in range(1000)]

    assert np.mean(above) >= 0.985


def test_too_few_runs_say_nothing():
    assert early_stopping_estimate([1.0] * 63) is None
    assert early_stopping_estimate([]) is None
