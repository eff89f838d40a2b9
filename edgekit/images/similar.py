"""Images that show the same thing, found by nine by nine grey levels of their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edgekit.values import Pixels

SIDE = 9
# Both have to hold. The nearest of 23,005 pairs of photographs differed in 29 signs, and copies
# that were saved again, scaled or brightened in 18 at most. On an even background most signs say
# nothing: there the grey levels tell pictures apart. What that finds: benchmarks/near_duplicates.py
MAX_DIFFERENT_SIGNS = 18
MIN_CORRELATION = 0.9

Fingerprint = NDArray[np.uint8]


def fingerprint(pixels_rgb: Pixels) -> Fingerprint:
    """Return ``(9, 9)`` grey levels, each the mean of its part of the image.

    Args:
        pixels_rgb: ``(H, W, 3)``.
    """
    small = cv2.resize(pixels_rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


class SeenImages:
    """Fingerprints met so far, numbered from 0 in the order they were added.

    Two images are alike where their grey levels rise and fall at the same places, sideways and
    downwards (the signs of a difference hash), and correlate too. Other formats, sizes, brightness
    and small cuts are found; mirror images and other moments of a moving scene are not.
    """

    def __init__(self, capacity: int) -> None:
        self._signs = np.zeros((capacity, 2 * (SIDE - 1) ** 2), np.float32)
        self._greys = np.zeros((capacity, SIDE * SIDE), np.float32)
        self._count = 0

    def add(self, added: Fingerprint) -> None:
        """Remember one more image."""
        self._signs[self._count] = _signs(added)
        self._greys[self._count] = _unit(added)
        self._count += 1

    def first_like(self, other: Fingerprint) -> int | None:
        """Return the number of the first image that ``other`` looks like, or ``None``."""
        signs, greys = self._signs[: self._count], self._greys[: self._count]
        different = (signs.shape[1] - signs @ _signs(other)) / 2
        alike = (different <= MAX_DIFFERENT_SIGNS) & (greys @ _unit(other) >= MIN_CORRELATION)
        return int(np.argmax(alike)) if alike.any() else None


def _signs(levels: Fingerprint) -> NDArray[np.float32]:
    """Return 1 where the level rises to the right or downwards, else -1."""
    signed = levels.astype(np.int16)
    right = signed[:-1, 1:] > signed[:-1, :-1]
    down = signed[1:, :-1] > signed[:-1, :-1]
    rising = np.concatenate([right.ravel(), down.ravel()])
    return np.asarray(np.where(rising, 1, -1), np.float32)


def _unit(levels: Fingerprint) -> NDArray[np.float32]:
    """Return the levels with mean 0 and length 1; of an even image, all the same."""
    centred = levels.astype(np.float32).ravel() - levels.mean()
    length = float(np.linalg.norm(centred))
    unit = centred / length if length else np.full(centred.size, 1 / SIDE)
    return np.asarray(unit, np.float32)
