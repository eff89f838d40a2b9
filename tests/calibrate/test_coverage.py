import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.calibrate.coverage import (
    FEWEST_AROUND,
    STEADY,
    Extremes,
    coverage,
    extremes_of,
    outliers,
)
from edgekit.values import Statistics, TensorStatistics
from tests.strategies import seeds

TENSORS = 60


def extremes(images, spread, seed=0):
    """Images whose extremes vary by ``spread`` of the range, tensor by tensor."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(0, 1, TENSORS))
    lows, highs = -size * (1 + spread * rng.normal(size=(2, images, TENSORS)))
    return Extremes(
        np.minimum(lows, 0).astype(np.float32), np.maximum(-highs, 0).astype(np.float32)
    )


def test_images_that_agree_need_no_more():
    covered = coverage(extremes(32, 0.02))

    assert covered.more == 0
    assert covered.advice.startswith("Stop: half of the 32 images give ranges ")


def test_images_that_differ_need_more_and_as_many_as_are_said_are_about_enough():
    few = coverage(extremes(16, 0.25))

    enough = coverage(extremes(16 + few.more, 0.25))

    assert few.advice.startswith(f"Add about {few.more} more: half of the 16 images give")
    assert few.more > 0
    assert enough.curve[1].difference < 1.2 * STEADY


def test_the_curve_falls_at_quarters_of_the_images_to_nothing():
    covered = coverage(extremes(40, 0.2))

    assert [p.images for p in covered.curve] == [10, 20, 30, 40]
    differences = [p.difference for p in covered.curve]
    assert differences == sorted(differences, reverse=True)
    assert differences[-1] == 0


@pytest.mark.parametrize("images", [16, 64])
def test_half_of_the_images_differ_from_all_as_a_mean_of_normal_numbers_would(images):
    """The error of a 90th percentile of n normal numbers is 1.709 times sigma / sqrt(n)."""
    spread = 0.1
    error = 1.709 * spread / np.sqrt(images) / np.sqrt(2)  # of a width that has two such ends
    expected = error / (1 + 1.2816 * spread) * np.sqrt(2 / np.pi)

    measured = np.mean([coverage(extremes(images, spread, s)).curve[1].difference for s in (1, 2)])

    assert measured == pytest.approx(expected, rel=0.15)


@given(seed=seeds)
def test_the_advice_does_not_depend_on_the_order_of_the_images(seed):
    given_ = extremes(32, 0.3)
    order = np.random.default_rng(seed).permutation(32)

    one, other = coverage(given_), coverage(Extremes(given_.lows[order], given_.highs[order]))

    assert one.curve[1].difference == pytest.approx(other.curve[1].difference, rel=0.15)
    assert min(one.more, other.more) > 0


def test_images_that_agree_by_chance_are_no_reason_to_stop_below_32():
    covered = coverage(extremes(20, 0.02))

    assert covered.more == 12
    assert covered.advice.startswith("Add about 12 more: ")
    assert covered.advice.endswith("but fewer than 32 may agree by chance.")


def test_one_image_is_too_few_to_judge_by():
    covered = coverage(extremes(1, 0.1))

    assert (covered.curve, covered.advice) == ((), "Add images: 1 is too few to judge by.")
    assert covered.more == 31


def test_tensors_that_never_change_stop_the_count():
    always = Extremes(np.zeros((32, 3), np.float32), np.zeros((32, 3), np.float32))

    assert coverage(always).more == 0
    assert outliers(always) == ()


def test_an_image_that_reaches_far_in_many_tensors_stands_out():
    given_ = extremes(32, 0.1)
    given_.highs[5, :30] *= 3

    (found,) = outliers(given_)

    assert found.image == 5
    assert found.share == pytest.approx(30 / (2 * TENSORS))


@given(seed=seeds, images=st.integers(FEWEST_AROUND, 64))
def test_images_drawn_alike_do_not_stand_out(seed, images):
    assert outliers(extremes(images, 0.1, seed)) == ()


def test_among_few_images_none_stands_out():
    given_ = extremes(FEWEST_AROUND - 1, 0.1)
    given_.highs[5] *= 3

    assert outliers(given_) == ()


def test_extremes_are_read_off_the_statistics_with_zero_included():
    def tensor(lows, highs):
        ends = (np.float32(lows), np.float32(highs))
        return TensorStatistics(0, 0, 0, 0, 1, np.zeros(4, np.int64), np.zeros(0), *ends)

    found = extremes_of(
        Statistics({"a": tensor([-1, 2], [3, 4]), "b": tensor([0, -5], [-2, 0])}, 2, "graph")
    )

    assert found.images == 2
    np.testing.assert_array_equal(found.lows, [[-1, 0], [0, -5]])
    np.testing.assert_array_equal(found.highs, [[3, 0], [4, 0]])
