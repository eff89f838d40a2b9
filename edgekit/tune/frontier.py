"""The choices of precision that are expected to be best, from the fastest to the most exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edgekit.tune.forecast import Forecast, Forecaster

    Choice = frozenset[str]

LONGEST = 6  # layers in a row that change precision in one move
FIRST_PRICE, RISE, PRICES = 0.01, 1.8, 24  # of all damage, in times of all INT8
TINY = 1e-30


def expected_front(forecaster: Forecaster) -> tuple[Choice, ...]:
    """Return sets of layers to keep in float, the fastest first, none expected to beat another.

    For one price of damage after another, from nothing until all layers are in float, layers in a
    row change precision as long as time plus priced damage falls. All that was looked at on the
    way competes. That all layers are in float is not among them.
    """
    chosen: Choice = frozenset()
    seen: set[Choice] = {chosen}
    every = frozenset(forecaster.layers)
    for price in prices(forecaster.of(chosen)):
        chosen = _settled(forecaster, chosen, price, seen)
        if chosen == every:
            break
    return _undominated(forecaster, seen - {every})


def prices(whole: Forecast) -> list[float]:
    """Return what damage may cost, in microseconds, of a network in INT8 as a ``whole``."""
    unit = whole.time_us / max(whole.damage, TINY)
    return [0.0, *(unit * FIRST_PRICE * RISE**step for step in range(PRICES))]


def spread_over(front: Sequence[Choice], forecaster: Forecaster, count: int) -> tuple[Choice, ...]:
    """Return ``count`` of the choices of ``front``, or all, about as far apart as they can be.

    Apart in what they lose: an equal share of the way from the first to the last, the way in time
    and that in the root of the damage counted alike.
    """
    if len(front) <= count or count < 2:
        return tuple(front[:count])
    forecasts = [forecaster.of(choice) for choice in front]
    axes = np.array([(f.time_us, np.sqrt(f.damage)) for f in forecasts])
    steps = np.abs(np.diff(axes, axis=0)) / np.maximum(np.ptp(axes, axis=0), TINY)
    along = np.concatenate([[0.0], np.cumsum(steps.sum(axis=1))])
    places = np.searchsorted(along, np.linspace(0, along[-1], count) - 1e-9)
    return tuple(front[i] for i in dict.fromkeys(int(p) for p in places))


def _settled(forecaster: Forecaster, start: Choice, price: float, seen: set[Choice]) -> Choice:
    """Return the choice that no single move from ``start`` on makes cheaper; note all it saw."""

    def cost(choice: Choice) -> float:
        seen.add(choice)
        forecast = forecaster.of(choice)
        return forecast.time_us + price * forecast.damage

    best, least = start, cost(start)
    while True:
        before = least
        for move in _moves(forecaster.layers):
            for changed in (best | move, best - move):
                if changed != best and (costs := cost(changed)) < least:
                    best, least = changed, costs
        if least >= before:
            return best


def _moves(layers: tuple[str, ...]) -> Iterator[Choice]:
    for length in range(1, LONGEST + 1):
        for first in range(len(layers) - length + 1):
            yield frozenset(layers[first : first + length])


def _undominated(forecaster: Forecaster, choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Return ``choices`` by time, without those that another is as fast and as exact as."""

    def place(choice: Choice) -> tuple[float, float, list[str]]:
        forecast = forecaster.of(choice)
        return forecast.time_us, forecast.damage, sorted(choice)

    front: list[Choice] = []
    least = np.inf
    for choice in sorted(choices, key=place):
        damage = forecaster.of(choice).damage
        if damage < least:
            front.append(choice)
            least = damage
    return tuple(front)
