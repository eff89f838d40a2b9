import math

import numpy as np
import pytest

from edgekit.scenes.chance import Chance


def test_the_draws_are_what_they_were():
    chance = Chance("scene", "eval", 0, 7)

    drawn = [chance.below(1000) for _ in range(6)]

    assert drawn == [854, 265, 647, 524, 877, 140]
    assert chance.between(0.0, 1.0) == 0.6363421013817072
    assert chance.noise((2, 3), 6).tolist() == [[-6, 4, 0], [2, -6, 2]]


def test_the_same_key_draws_the_same_and_any_other_key_something_else():
    keys = [("a", 0), ("a", 1), ("b", 0), ("a", "0"), ("a",)]

    first, again = ([Chance(*key).between(0, 1) for key in keys] for _ in range(2))

    assert first == again
    assert len(set(first)) == len(keys)


def test_numbers_lie_within_their_bounds_and_reach_near_them():
    chance = Chance("bounds")

    plain = [chance.between(-3, 5) for _ in range(2000)]
    logarithmic = [chance.log_between(2, 32) for _ in range(2000)]

    assert -3 <= min(plain) < -2.9
    assert 4.9 < max(plain) <= 5
    assert 2 <= min(logarithmic) < 2.1
    assert 31 < max(logarithmic) <= 32 * (1 + 1e-12)


def test_each_doubling_is_equally_likely():
    chance = Chance("doublings")

    doublings = [int(math.log2(chance.log_between(2, 31.999))) for _ in range(4000)]

    assert set(doublings) == {1, 2, 3, 4}
    assert min(doublings.count(d) for d in (1, 2, 3, 4)) > 0.9 * 1000


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_yes_is_as_likely_as_asked(probability):
    chance = Chance("yes", probability)

    share = np.mean([chance.yes(probability) for _ in range(4000)])

    assert share == pytest.approx(probability, abs=0.03 if 0 < probability < 1 else 0)


def test_every_option_and_every_number_comes_up():
    chance = Chance("options")

    assert {chance.one_of("abc") for _ in range(100)} == set("abc")
    assert {chance.below(4) for _ in range(100)} == {0, 1, 2, 3}


def test_noise_is_whole_numbers_on_both_sides_of_zero():
    noise = Chance("noise").noise((50, 40), 2)

    assert noise.shape == (50, 40)
    assert np.unique(noise).tolist() == [-2, -1, 0, 1, 2]
