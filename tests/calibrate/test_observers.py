import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.calibrate.histogram import StreamingHistogram
from edgekit.calibrate.observers import observe
from edgekit.values import Range, TensorStatistics
from tests.strategies import seeds

OBSERVERS = ["minmax", "moving-average", "percentile", "mse"]


def statistics_of(*updates):
    histogram = StreamingHistogram(10**6)
    for values in updates:
        histogram.update(np.asarray(values, np.float32))
    return TensorStatistics(
        histogram.low,
        histogram.high,
        histogram.moving_low,
        histogram.moving_high,
        histogram.limit,
        histogram.counts,
        np.zeros(0, np.float32),
    )


@pytest.mark.parametrize(("outside", "reached"), [(5, False), (20, True)])
def test_a_percentile_leaves_out_one_value_in_ten_thousand_on_either_side(outside, reached):
    values = np.concatenate([np.linspace(-1, 1, 100_000), [-40] * outside, [40] * outside])

    span = observe(statistics_of(values), "percentile")

    assert (span.low < -39, span.high > 39) == (reached, reached)


def heavy_tailed(seed=0, size=50_000):
    return np.random.default_rng(seed).standard_t(3, size).astype(np.float32)


def squared_error(values, span):
    """Loss of rounding to the 256 numbers of ``span`` that include zero, found by search."""
    scale = (span.high - span.low) / 255
    below = round(-span.low / scale)
    grid = (np.arange(256) - below) * scale
    right = np.clip(np.searchsorted(grid, values), 1, 255)
    return np.minimum((values - grid[right]) ** 2, (values - grid[right - 1]) ** 2).sum()


def silu(x):
    return x / (1 + np.exp(-x))


@pytest.mark.parametrize("observer", OBSERVERS)
@settings(max_examples=15, deadline=None)
@given(
    seed=seeds,
    shift=st.sampled_from([-50.0, -1.0, 0.0, 3.0, 80.0]),
    spread=st.sampled_from([0.0, 0.01, 5.0]),
)
def test_every_range_contains_zero_and_nothing_never_seen(observer, seed, shift, spread):
    values = shift + spread * np.random.default_rng(seed).normal(size=(3, 400))
    seen = statistics_of(*values)

    span = observe(seen, observer)

    assert min(seen.low, 0.0) <= span.low <= 0.0 <= span.high <= max(seen.high, 0.0)


@settings(deadline=None)
@given(seed=seeds)
def test_minmax_contains_everything(seed):
    values = heavy_tailed(seed, 300)

    span = observe(statistics_of(values[:100], values[100:]), "minmax")

    assert (span.low, span.high) == (values.min(), values.max())


def test_percentile_leaves_out_a_rare_outlier_and_nothing_else():
    values = np.random.default_rng(0).uniform(-2, 2, 100_000)
    values[:3] = (1000, 900, -800)

    span = observe(statistics_of(values), "percentile")

    width = 2 * 1000 / 4096
    assert -2 - width <= span.low <= -1.99
    assert 1.99 <= span.high <= 2 + width


def test_percentile_of_many_values_alike_keeps_their_bin():
    span = observe(statistics_of(np.full(1000, 4.0)), "percentile")

    assert (span.low, span.high) == (0.0, 4.0)


@pytest.mark.parametrize("seed", range(3))
def test_mse_loses_least_on_heavy_tails(seed):
    values = heavy_tailed(seed)
    seen = statistics_of(values)

    losses = {o: squared_error(values, observe(seen, o)) for o in OBSERVERS}

    assert losses["mse"] < 0.95 * losses["minmax"]
    assert losses["mse"] == min(losses.values())


@pytest.mark.parametrize("seed", range(3))
def test_no_other_clipping_of_the_two_ends_loses_clearly_less(seed):
    values = np.maximum(heavy_tailed(seed, 20_000), -3)
    seen = statistics_of(values)
    shares = np.linspace(0.1, 1, 19)

    found = squared_error(values, observe(seen, "mse"))

    others = [Range(low * seen.low, high * seen.high) for low in shares for high in shares]
    assert found < 1.02 * min(squared_error(values, span) for span in others)


def test_each_observer_chooses_another_range():
    seen = statistics_of(*heavy_tailed().reshape(10, -1))

    spans = [observe(seen, observer) for observer in OBSERVERS]

    assert len(set(spans)) == len(OBSERVERS)


def test_what_a_silu_hides_below_zero_is_given_up_for_precision():
    values = np.random.default_rng(0).normal(0, 8, 50_000).astype(np.float32)
    seen = statistics_of(values)

    alone, through = observe(seen, "mse"), observe(seen, "mse", silu)

    def handed_on(span):
        scale = (span.high - span.low) / 255
        zero = round(-span.low / scale)
        back = (np.clip(np.round(values / scale) + zero, 0, 255) - zero) * scale
        return np.square(silu(back) - silu(values)).sum()

    assert through.low > 0.5 * alone.low
    assert through.high >= 0.9 * alone.high
    assert handed_on(through) < 0.7 * handed_on(alone)


@pytest.mark.parametrize("observer", OBSERVERS)
def test_a_tensor_of_zeros_has_an_empty_range(observer):
    span = observe(statistics_of(np.zeros(10)), observer)

    assert (span.low, span.high) == (0.0, 0.0)


@pytest.mark.parametrize("observer", [*OBSERVERS, "damage"])
@pytest.mark.parametrize("shift", [-5.0, 0.0, 2.0])
def test_a_symmetric_range_reaches_as_far_below_zero_as_above(observer, shift):
    values = heavy_tailed() + np.float32(shift)

    span = observe(statistics_of(values), observer, symmetric=True)

    assert span.low == -span.high
    assert 1 < span.high <= np.abs(values).max()


def test_no_symmetric_range_near_by_has_a_smaller_error():
    values = np.maximum(heavy_tailed(), -0.3)

    best = observe(statistics_of(values), "mse", symmetric=True).high

    errors = [squared_error(values, Range(-best * k, best * k)) for k in (0.8, 1.0, 1.25)]
    assert min(errors) == errors[1]
