from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.tune.forecast import Forecast
from edgekit.tune.frontier import expected_front, prices, spread_over
from tests.tune.chains import Chain


@dataclass(frozen=True)
class Line:
    """Choices on a line: as many microseconds as layers in float, a damage for each count."""

    damages: tuple[float, ...]

    def of(self, in_float):
        return Forecast(float(len(in_float)), self.damages[len(in_float)])

    def choices(self):
        return [frozenset(map(str, range(n))) for n in range(len(self.damages))]


def subsets(layers):
    """Every choice but that of all."""
    sizes = range(len(layers))
    return [frozenset(chosen) for size in sizes for chosen in combinations(layers, size)]


def figures(chain, choices):
    return sorted((chain.of(c).time_us, chain.of(c).damage) for c in choices)


def cost(forecast, price):
    return forecast.time_us + price * forecast.damage


amounts = st.integers(1, 100).map(float)
chains = st.lists(st.tuples(amounts, amounts), min_size=2, max_size=7).flatmap(
    lambda both: st.sampled_from([0.0, 1.0, 20.0]).map(
        lambda border: Chain(*map(tuple, zip(*both, strict=True)), border)
    )
)


@given(chain=chains)
def test_no_choice_is_expected_to_beat_another(chain):
    found = figures(chain, expected_front(chain))

    times, damages = zip(*found, strict=True)
    assert all(a < b for a, b in pairwise(times))
    assert all(a > b for a, b in pairwise(damages))


@given(chain=chains)
def test_choices_are_subsets_and_all_in_float_is_none_of_them(chain):
    front = expected_front(chain)

    assert all(choice < frozenset(chain.layers) for choice in front)
    assert len(set(front)) == len(front) >= 1


@given(chain=chains)
def test_for_every_price_the_front_holds_the_best_of_all_subsets(chain):
    front, every = expected_front(chain), subsets(chain.layers)
    whole = chain.of(frozenset())
    all_in_float = chain.of(frozenset(chain.layers))

    for price in prices(whole):
        best = min(cost(chain.of(choice), price) for choice in every)
        found = min(cost(chain.of(choice), price) for choice in front)
        if best <= cost(all_in_float, price):  # else all in float is best, which is tried anyway
            assert found == pytest.approx(best)


def test_a_layer_that_is_faster_in_float_is_in_float_throughout():
    chain = Chain(slower=(-5.0, 10.0, 20.0), damages=(1.0, 4.0, 2.0))

    whole = chain.of(frozenset(chain.layers)).time_us
    faster = [choice for choice in expected_front(chain) if chain.of(choice).time_us < whole]

    assert len(faster) > 1
    assert all("layer0" in choice for choice in faster)


def test_prices_rise_until_little_damage_beside_much_is_worth_its_time():
    chain = Chain(slower=(1.0, 10.0), damages=(10_000.0, 1.0))

    assert frozenset({"layer0"}) in expected_front(chain)
    nearly = Chain(slower=(1.0, 10.0, 30.0), damages=(10_000.0, 1.0, 0.1))
    assert frozenset({"layer0", "layer1"}) in expected_front(nearly)


def test_a_network_without_damage_has_one_choice():
    chain = Chain(slower=(1.0, 2.0), damages=(0.0, 0.0))

    assert expected_front(chain) == (frozenset(),)


@given(
    falls=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    count=st.integers(2, 12),
)
def test_a_spread_has_the_ends_no_gap_too_wide_and_as_many_as_asked(falls, count):
    line = Line(tuple(np.cumsum([1, *falls])[::-1].tolist()))
    choices = line.choices()

    spread = spread_over(choices, line, count)

    assert len(spread) <= count
    assert list(spread) == [choice for choice in choices if choice in spread]
    assert (spread[0], spread[-1]) == (choices[0], choices[-1])
    if len(choices) <= count:
        assert list(spread) == choices
    else:
        longest = max(steps(line, choices))
        share = 2 / (count - 1)
        assert max(steps(line, spread, of=choices)) <= share + longest + 1e-6


def steps(line, choices, of=None):
    """How far apart neighbours are, in shares of both axes, worked out one by one."""
    ends = [line.of((of or choices)[place]) for place in (0, -1)]
    long = abs(ends[1].time_us - ends[0].time_us)
    deep = abs(ends[0].damage ** 0.5 - ends[1].damage ** 0.5)
    forecasts = [line.of(choice) for choice in choices]
    return [
        (b.time_us - a.time_us) / long + (a.damage**0.5 - b.damage**0.5) / deep
        for a, b in pairwise(forecasts)
    ]


@pytest.mark.parametrize("count", [0, 1])
def test_of_too_few_to_spread_the_first_are_taken(count):
    line = Line((9.0, 4.0, 1.0))

    assert spread_over(line.choices(), line, count) == tuple(line.choices()[:count])


def test_choices_that_are_all_alike_are_still_spread():
    line = Line((1.0, 1.0, 1.0, 1.0))

    assert spread_over(line.choices(), line, 3)[::2] == (line.choices()[0], line.choices()[3])
