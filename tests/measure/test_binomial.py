from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.measure.binomial import binomial_cdf


@given(runs=st.integers(1, 120), percent=st.integers(1, 99))
def test_the_sums_are_those_of_whole_numbers(runs, percent):
    chance = Fraction(percent, 100)

    sums = binomial_cdf(runs, percent / 100)

    exact, total = [], Fraction(0)
    for hits in range(runs + 1):
        total += comb(runs, hits) * chance**hits * (1 - chance) ** (runs - hits)
        exact.append(float(total))
    assert sums == pytest.approx(exact, rel=1e-9, abs=1e-12)
    assert sums[-1] == pytest.approx(1)


def test_thousands_of_runs_neither_overflow_nor_vanish():
    sums = binomial_cdf(5000, 0.9)

    assert 0.49 < sums[4500] < 0.52
    assert sums[-1] == pytest.approx(1, abs=1e-9)
