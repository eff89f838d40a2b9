"""The real images that scenes are drawn from, and which split may use which.

scikit-learn ships 1,797 handwritten digits of 8 x 8 pixels and two photographs. No digit and no
region of a photograph is in two splits, so that a detector is scored on what it has never seen.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from edgekit.optional import require
from edgekit.scenes.raster import Plane, blurred, resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

Split = Literal["train", "calib", "search", "eval"]

DIGITS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
PHOTOGRAPHS = ("china.jpg", "flower.jpg")
_UPSCALED = 8
_NEEDED_FOR = "Drawing scenes of digits"
# Share of the digits and of the width of each photograph, in this order from the left.
_SHARES: dict[Split, float] = {"train": 0.5, "calib": 0.125, "search": 0.125, "eval": 0.25}


@dataclass(frozen=True, eq=False)
class Sources:
    """What the scenes of one split may use.

    Attributes:
        digits: Indices into scikit-learn's digits.
        cells: ``(N, 8, 8)`` those digits, ink in 0..1.
        classes: ``(N,)`` which digit each is.
        regions: The split's part of each photograph, ``(H, W, 3)`` RGB in 0..255.
    """

    digits: NDArray[np.int64]
    cells: Plane
    classes: NDArray[np.int64]
    regions: tuple[Plane, ...]


@cache
def sources(split: Split) -> Sources:
    """Return what the scenes of ``split`` may use.

    Raises:
        MissingExtraError: scikit-learn is not installed, or Pillow, which reads its photographs.
    """
    require("PIL", extra="demo", needed_for=_NEEDED_FOR)
    datasets = require("sklearn.datasets", extra="demo", needed_for=_NEEDED_FOR)
    digits = datasets.load_digits()
    members = digits_of(split, len(digits.target))
    return Sources(
        digits=members,
        cells=(digits.images[members] / 16.0).astype(np.float32),
        classes=digits.target[members].astype(np.int64),
        regions=tuple(_region(datasets.load_sample_image(p), split) for p in PHOTOGRAPHS),
    )


def digits_of(split: Split, count: int) -> NDArray[np.int64]:
    """Return which of ``count`` digits belong to ``split``, by a hash of each one's number."""
    low, high = _bounds(split)
    place = np.array([zlib.crc32(b"digit %d" % index) for index in range(count)]) / 2**32
    return np.flatnonzero((low <= place) & (place < high))


def columns_of(split: Split, width: int) -> slice:
    """Return the columns of a photograph of ``width`` that belong to ``split``."""
    low, high = _bounds(split)
    return slice(round(low * width), round(high * width))


def stroke_mask(cell: Plane) -> Plane:
    """Return an 8 x 8 cell of ink as a smooth opacity mask of 80 x 80, nothing at its border."""
    padded = np.pad(cell, 1)
    side = padded.shape[0] * _UPSCALED
    smooth = blurred(resized(padded, (side, side)), 6)
    sharp = np.clip((smooth - np.float32(0.25)) * np.float32(2.5), 0, 1)
    mask: Plane = sharp * sharp * (3 - 2 * sharp)
    return mask


def _bounds(split: Split) -> tuple[float, float]:
    names = list(_SHARES)
    low = sum(_SHARES[name] for name in names[: names.index(split)])
    return low, low + _SHARES[split]


def _region(photograph: NDArray[np.uint8], split: Split) -> Plane:
    return photograph[:, columns_of(split, photograph.shape[1])].astype(np.float32)
