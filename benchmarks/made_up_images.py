"""Any number of made-up images with what two models find in them, drawn from real detections.

What lies in one image of one category (its objects, and both models' detections of it) is a
cluster. A made-up image has the clusters of a real one, each replaced by a real cluster with as
many objects, of whatever category and image. So both models' confidences, hits and misses are real
and belong together, and there is no end of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.measure.coco import IOU_THRESHOLDS
from edgekit.measure.matches import ClassMatches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Array = np.ndarray[Any, np.dtype[Any]]

ALIKE = (0, 1, 2, 4, 9)  # clusters of as many objects, up to the next number, stand for each other
SWAPPED = 0.04  # share of clusters of any category, so that the rarest is in 1 of 700 images
TILT = 0.7  # how much categories differ in quality and damage
BLUR = 0.1  # standard deviation of the logit of a cluster's confidences


@dataclass(frozen=True, eq=False)
class Found:
    """The detections of one model, cluster by cluster.

    Attributes:
        starts: ``(C + 1,)`` where the detections of each cluster begin.
        logits: ``(D,)`` of their confidences.
        hits: ``(10, D)`` as in ``ClassMatches``.
        ignored: ``(10, D)`` likewise.
    """

    starts: NDArray[np.int64]
    logits: NDArray[np.float64]
    hits: NDArray[np.bool_]
    ignored: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Clusters:
    """What is real: ``(C,)`` clusters of some images.

    Attributes:
        images: Image of each.
        classes: Its category, from 0.
        objects: How many objects.
        found: Of both models.
    """

    images: NDArray[np.int64]
    classes: NDArray[np.int64]
    objects: NDArray[np.int64]
    found: tuple[Found, Found]


def clusters_of(models: Sequence[Sequence[ClassMatches]]) -> Clusters:
    """Return the clusters of all categories, with objects or found by one model at least.

    Args:
        models: Matches of two models on the same images, of the same categories.
    """
    images = len(models[0][0].objects)
    objects = np.stack([m.objects for m in models[0]]).ravel()
    keys = [_keys(matches, images) for matches in models]
    there = np.unique(np.concatenate([*keys, np.flatnonzero(objects)]))
    found = tuple(_grouped(m, k, there) for m, k in zip(models, keys, strict=True))
    return Clusters(there % images, there // images, objects[there], (found[0], found[1]))


def _keys(matches: Sequence[ClassMatches], images: int) -> Array:
    return np.concatenate([m.images + images * number for number, m in enumerate(matches)])


def _grouped(matches: Sequence[ClassMatches], keys: Array, there: Array) -> Found:
    order = np.argsort(keys, kind="stable")
    scores = np.clip(np.concatenate([m.scores for m in matches]), 1e-6, 1 - 1e-6)[order]
    return Found(
        starts=np.append(np.searchsorted(keys[order], there), len(keys)),
        logits=np.log(scores / (1 - scores)),
        hits=np.concatenate([m.hits for m in matches], axis=1)[:, order],
        ignored=np.concatenate([m.ignored for m in matches], axis=1)[:, order],
    )


class Population:
    """Endless images of ``classes`` categories, no two of which are of the same quality.

    Args:
        real: What to draw from.
        classes: How many categories; the first are those of ``real``.
    """

    def __init__(self, real: Clusters, classes: int) -> None:
        self._real, self._classes = real, classes
        self._sizes = np.searchsorted(ALIKE, real.objects, side="right") - 1
        order = np.argsort(real.images, kind="stable")
        number = int(real.images.max()) + 1
        self._order = order
        self._starts = np.searchsorted(real.images[order], np.arange(number + 1))
        self._lots, self._members = self._table()

    def draw(self, images: int, rng: np.random.Generator) -> tuple[list[ClassMatches], ...]:
        """Return the matches of both models on so many new images, of all categories."""
        layout = rng.integers(0, len(self._starts) - 1, images)
        rows = self._order[_ranges(self._starts, layout)]
        where = np.repeat(np.arange(images), np.diff(self._starts)[layout])
        classes = self._real.classes[rows].copy()
        swapped = (rng.random(len(rows)) < SWAPPED) & (self._real.objects[rows] > 0)
        classes[swapped] = rng.integers(0, self._classes, int(swapped.sum()))
        lots = classes * len(ALIKE) + self._sizes[rows] + rng.random(len(rows))
        drawn = self._members[np.searchsorted(self._lots, lots, side="right")]
        blur = rng.normal(0, BLUR, len(rows))
        objects = np.zeros((self._classes, images), np.int64)
        np.add.at(objects, (classes, where), self._real.objects[drawn])
        taken = _Taken(drawn, where, classes, blur, objects)
        return tuple(_matches(found, taken) for found in self._real.found)

    def _table(self) -> tuple[Array, Array]:
        """Return rising lots and the cluster of each: lot ``i + u`` is for the i-th kind.

        A kind is a category and a size of clusters. Of each kind all real clusters of that size
        may be drawn, some categories rather the better ones, or those that INT8 damages more.
        """
        rng = np.random.default_rng(0)
        tilts = rng.normal(0, TILT, (self._classes, 2))
        traits = self._traits()
        lots, members = [], []
        for kind in range(self._classes * len(ALIKE)):
            here = np.flatnonzero(self._sizes == kind % len(ALIKE))
            weights = np.exp(traits[here] @ tilts[kind // len(ALIKE)])
            lots.append(kind + np.cumsum(weights / weights.sum()) * (1 - 1e-12))
            members.append(here)
        return np.concatenate(lots), np.concatenate(members)

    def _traits(self) -> Array:
        """Return ``(C, 2)`` quality and damage of each cluster, scaled by size to -2..2."""
        real = self._real
        values = [_value(found, real.objects) for found in real.found]
        traits = np.stack([values[0], values[0] - values[1]], axis=1)
        for size in range(len(ALIKE)):
            here = self._sizes == size
            spread = traits[here].std(axis=0) + 1e-9
            traits[here] = (traits[here] - traits[here].mean(axis=0)) / spread
        return np.clip(traits, -2, 2)


@dataclass(frozen=True, eq=False)
class _Taken:
    """The clusters of some made-up images: which real one, where, as what, blurred how much."""

    drawn: Array
    where: Array
    classes: Array
    blur: Array
    objects: Array


def _value(found: Found, objects: Array) -> Array:
    """Return how well a model does each cluster: sure hits, and no sure detections beside."""
    scores = 1 / (1 + np.exp(-found.logits))
    worth = scores * np.where(found.ignored[0], 0, 2 * found.hits.mean(axis=0) - 0.5)
    sums = np.append(np.cumsum(worth), 0.0)  # the last entry stands for "before the first"
    return (sums[found.starts[1:] - 1] - sums[found.starts[:-1] - 1]) / np.maximum(objects, 1)


def _ranges(starts: Array, chosen: Array) -> Array:
    """Return the numbers from ``starts[i]`` up to ``starts[i + 1]`` of all chosen i."""
    counts = np.diff(starts)[chosen]
    ends = np.cumsum(counts)
    return np.arange(counts.sum()) + np.repeat(starts[chosen] - (ends - counts), counts)


def _matches(found: Found, taken: _Taken) -> list[ClassMatches]:
    rows = _ranges(found.starts, taken.drawn)
    counts = np.diff(found.starts)[taken.drawn]
    logits = found.logits[rows] + np.repeat(taken.blur, counts)
    classes = np.repeat(taken.classes, counts)
    order = np.lexsort((-logits, classes))
    ends = np.searchsorted(classes[order], np.arange(len(taken.objects) + 1))
    where, scores = np.repeat(taken.where, counts), 1 / (1 + np.exp(-logits))
    hits, ignored = found.hits, found.ignored
    assert len(hits) == len(IOU_THRESHOLDS)
    return [
        ClassMatches(
            category=number,
            images=where[part],
            scores=scores[part],
            hits=hits[:, rows[part]],
            ignored=ignored[:, rows[part]],
            objects=taken.objects[number],
        )
        for number, part in enumerate(np.split(order, ends[1:-1]))
    ]
