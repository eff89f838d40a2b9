import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edgekit.calibrate.histogram import BINS, StreamingHistogram

MANY = 10**6
tensors = npst.arrays(
    np.float32,
    npst.array_shapes(max_dims=3, max_side=30),
    elements=st.floats(-(2**20), 2**20, width=32),
)


def histogram_of(updates, sample=MANY):
    histogram = StreamingHistogram(sample)
    for values in updates:
        histogram.update(values)
    return histogram


@settings(deadline=None)
@given(st.lists(tensors, min_size=1, max_size=6))
def test_no_value_is_lost_while_the_histogram_grows(updates):
    histogram = histogram_of(updates)

    assert histogram.counts.sum() == sum(values.size for values in updates)
    assert histogram.counts.shape == (BINS,)


@settings(deadline=None)
@given(st.lists(tensors, min_size=1, max_size=6))
def test_smallest_and_largest_are_exact(updates):
    histogram = histogram_of(updates)
    together = np.concatenate([values.reshape(-1) for values in updates])

    assert (histogram.low, histogram.high) == (together.min(), together.max())
    assert histogram.limit >= np.abs(together).max()


@settings(max_examples=50, deadline=None)
@given(st.lists(tensors, min_size=1, max_size=6))
def test_every_value_lies_within_a_bin_of_where_it_is_counted(updates):
    histogram = histogram_of(updates)
    together = np.sort(np.concatenate([values.reshape(-1) for values in updates]))
    width = 2 * histogram.limit / BINS

    starts = np.repeat(np.arange(BINS) * width - histogram.limit, histogram.counts)

    assert np.all(together >= starts - 0.01 * width)
    assert np.all(together <= starts + 1.01 * width)


def test_the_order_of_the_images_does_not_matter_to_the_counts():
    rng = np.random.default_rng(0)
    updates = [rng.normal(0, 4.0**n, 500).astype(np.float32) for n in range(5)]

    # The first magnitude sets the bins, so both orders start with the same image.
    one, other = histogram_of(updates), histogram_of([updates[0], *updates[:0:-1]])

    np.testing.assert_array_equal(one.counts, other.counts)
    assert one.limit == other.limit


def test_the_moving_extremes_follow_their_formula():
    histogram = histogram_of([np.float32([-1, 2]), np.float32([-3, 10]), np.float32([0, 4])])

    assert histogram.moving_low == pytest.approx(0.9 * (0.9 * -1 + 0.1 * -3) + 0.1 * 0)
    assert histogram.moving_high == pytest.approx(0.9 * (0.9 * 2 + 0.1 * 10) + 0.1 * 4)


def test_an_image_of_zeros_starts_no_moving_average_over():
    histogram = histogram_of([np.zeros(3, np.float32), np.float32([0, 10])])

    assert histogram.moving_high == pytest.approx(1.0)


def test_a_large_tensor_is_counted_by_an_even_sample():
    values = np.arange(100_000, dtype=np.float32)

    histogram = histogram_of([values], sample=1000)

    assert histogram.counts.sum() == pytest.approx(1000, rel=0.02)
    assert histogram.high == 99_999
    upper = histogram.counts[BINS // 2 :]
    assert upper[: BINS // 4].sum() == pytest.approx(500, abs=20)


def test_the_sample_meets_every_column_of_an_image():
    column = np.arange(64, dtype=np.float32)

    histogram = histogram_of([np.broadcast_to(column, (4, 64, 64))], sample=1024)

    seen = histogram.counts > 0
    assert seen.sum() == 64
