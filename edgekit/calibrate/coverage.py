"""Whether the images have shown the ranges, from the extremes that each image reached by itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgekit.calibrate.audit import ENOUGH

if TYPE_CHECKING:
    from edgekit.values import Floats, Statistics

ORDERS = 24
QUARTERS = (0.25, 0.5, 0.75)
FEWEST = 8  # below, a quarter of them is a single image
STEADY = 0.03
STEP = 8
# An image stands out where it alone, by a tenth of the range, sets so many of all ends of ranges.
# Photographs of COCO set up to 0.13 of them among 16, and fewer among more.
ALONE = 0.1
SHARE = 0.15
FEWEST_AROUND = 16

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Extremes:
    """What each image reached, tensor by tensor, zero included.

    Attributes:
        lows: ``(images, tensors)`` smallest values, none above zero.
        highs: ``(images, tensors)`` largest values, none below zero.
    """

    lows: Floats
    highs: Floats

    @property
    def images(self) -> int:
        """How many images were seen."""
        return len(self.lows)


@dataclass(frozen=True)
class CurvePoint:
    """One point of the learning curve.

    Attributes:
        images: How many images.
        difference: How far ranges from as many differ from those of all images: a fraction of
            their width, mean over tensors and orders of the images.
    """

    images: int
    difference: float


@dataclass(frozen=True)
class Coverage:
    """Whether more images would still move the ranges.

    Attributes:
        curve: After a quarter, half, three quarters and all of the images.
        more: How many images to add, roughly; 0 where ranges hardly move any more.
        advice: The same as a sentence.
    """

    curve: tuple[CurvePoint, ...]
    more: int
    advice: str


@dataclass(frozen=True)
class Outlier:
    """An image that widens many ranges alone.

    Attributes:
        image: Its number among the images seen, from 0.
        share: Of all ends of ranges, those that it alone sets.
    """

    image: int
    share: float


def extremes_of(statistics: Statistics) -> Extremes:
    """Return what each image reached in every tensor of ``statistics``."""
    tensors = statistics.tensors.values()
    return Extremes(
        np.minimum(np.stack([t.image_lows for t in tensors], axis=1), 0),
        np.maximum(np.stack([t.image_highs for t in tensors], axis=1), 0),
    )


def coverage(extremes: Extremes) -> Coverage:
    """Return the learning curve of the ranges, and whether to add images.

    A tensor's range is taken to be what nine images in ten stay within. It moves as the range of
    least squared error does, which hardly heeds the largest value of all. The images are taken in
    several random orders. Half of ``n`` images drawn at random differ from all ``n`` as far as
    those differ from all there are; both shrink with the root of ``n``, which says how many are
    missing.
    """
    if extremes.images < FEWEST:
        return Coverage((), ENOUGH - extremes.images, _too_few(extremes.images))
    rng = np.random.default_rng(0)
    orders = [rng.permutation(extremes.images) for _ in range(ORDERS)]
    counts = [round(share * extremes.images) for share in QUARTERS]
    differences = [_difference(extremes, [o[:count] for o in orders]) for count in counts]
    curve = [CurvePoint(c, d) for c, d in zip(counts, differences, strict=True)]
    curve.append(CurvePoint(extremes.images, 0.0))
    more = _missing(extremes.images, differences[1])
    return Coverage(tuple(curve), more, _advice(extremes.images, differences[1], more))


def outliers(extremes: Extremes) -> tuple[Outlier, ...]:
    """Return the images that set many ends of ranges alone, the one with the most first."""
    if extremes.images < FEWEST_AROUND:
        return ()
    ends = np.concatenate([extremes.highs, -extremes.lows], axis=1)
    widths = np.tile(extremes.highs.max(0) - extremes.lows.min(0), 2)
    second, first = np.sort(ends, axis=0)[-2:]
    alone = first - second > ALONE * widths
    moving = int((first > ends.min(axis=0)).sum())
    counts = np.bincount(ends.argmax(axis=0)[alone], minlength=extremes.images)
    found = [Outlier(i, float(n / moving)) for i, n in enumerate(counts) if n >= SHARE * moving > 0]
    return tuple(sorted(found, key=lambda outlier: -outlier.share))


def _difference(extremes: Extremes, subsets: list[NDArray[np.int64]]) -> float:
    """Return how far ranges from each subset lie from those of all, mean over all of them."""
    whole = _reach(extremes.lows, extremes.highs)
    moving = whole > 0
    if not moving.any():
        return 0.0
    parts = [_reach(extremes.lows[s], extremes.highs[s]) for s in subsets]
    return float(np.mean([np.abs(p[moving] / whole[moving] - 1).mean() for p in parts]))


def _reach(lows: Floats, highs: Floats) -> Reals:
    """Return ``(tensors,)`` widths that nine images in ten stay within at either end."""
    width: Reals = np.percentile(highs, 90, axis=0) - np.percentile(lows, 10, axis=0)
    return width


def _missing(images: int, movement: float) -> int:
    wanted = images * (movement / STEADY) ** 2
    missing = STEP * ceil((wanted - images) / STEP)
    return max(0, missing, ENOUGH - images)


def _advice(images: int, movement: float, more: int) -> str:
    seen = f"half of the {images} images give ranges {100 * movement:.1f} % from those of all"
    if more == 0:
        return f"Stop: {seen}, so more would hardly move them."
    if movement <= STEADY:
        return f"Add about {more} more: {seen}, but fewer than {ENOUGH} may agree by chance."
    return f"Add about {more} more: {seen}, and below {100 * STEADY:.0f} % they are steady."


def _too_few(images: int) -> str:
    return f"Add images: {images} {'is' if images == 1 else 'are'} too few to judge by."
