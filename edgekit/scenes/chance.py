"""The random draws of a scene, the same on every machine and with every version of NumPy."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

T = TypeVar("T")


class Chance:
    """Seeded draws.

    NumPy promises that ``RandomState`` never changes what it draws; its successor may. Only its
    uniform draws are used, so that no other library's rounding comes in.
    """

    def __init__(self, *key: object) -> None:
        self._state = np.random.RandomState(zlib.crc32(repr(key).encode()))

    def yes(self, probability: float) -> bool:
        """Return true with ``probability``."""
        return self.between(0.0, 1.0) < probability

    def between(self, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``."""
        return low + (high - low) * float(self._state.random_sample())

    def log_between(self, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``, each doubling equally likely."""
        return low * math.exp(self.between(0.0, math.log(high / low)))

    def below(self, count: int) -> int:
        """Return a whole number from 0 to ``count - 1``."""
        return int(self._state.randint(0, count))

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of ``options``."""
        return options[self.below(len(options))]

    def noise(self, shape: tuple[int, ...], amplitude: int) -> NDArray[np.int64]:
        """Return an array of whole numbers from ``-amplitude`` to ``amplitude``."""
        return self._state.randint(-amplitude, amplitude + 1, size=shape)
