"""Which detection found which object: COCO matching of every image, done once.

faster-coco-eval keeps its matches to itself, and resampling images needs them. The tests hold this
matching equal to the library's at every threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from faster_coco_eval.core import mask

from edgekit.measure.coco import ANY_AREA, IOU_THRESHOLDS, MAX_DETECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from edgekit.measure.coco import Doubles, FoundTable, TruthTable
    from edgekit.values import Ints

Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class ClassMatches:
    """The detections of one category over all images, strongest first, those that count.

    Attributes:
        category: Its id.
        images: ``(N,)`` position of the image in the list that was matched.
        scores: ``(N,)`` confidence in 0..1.
        hits: ``(10, N)`` whether the detection found an object, per IoU threshold.
        ignored: ``(10, N)`` whether it counts neither way: it lies on a crowd or on an object of
            another size, or has another size itself and hits nothing.
        objects: ``(I,)`` objects in each image, crowds and those of other sizes left out.
    """

    category: int
    images: Ints
    scores: Doubles
    hits: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: Ints


def match(
    truth: TruthTable,
    found: FoundTable,
    image_ids: Sequence[int],
    areas: tuple[float, float] = ANY_AREA,
) -> tuple[ClassMatches, ...]:
    """Return the matches of every category that has an object, ascending by category id.

    Args:
        truth: Objects of these images.
        found: Detections of these images.
        image_ids: Which images, ascending.
        areas: Smallest and largest object that counts, in square pixels.
    """
    ids = np.asarray(image_ids, np.int64)
    real = ~truth.crowd & (truth.areas >= areas[0]) & (truth.areas <= areas[1])
    sides = found.xywh[:, 2] * found.xywh[:, 3]
    sized = (sides >= areas[0]) & (sides <= areas[1])
    categories = np.unique(truth.categories[real]).tolist()
    return tuple(_match_category(_Category(c, truth, found, real), ids, sized) for c in categories)


@dataclass(frozen=True, eq=False)
class _Category:
    """One category, and the tables it is in; ``real`` are the objects that count."""

    id: int
    truth: TruthTable
    found: FoundTable
    real: NDArray[np.bool_]


def _match_category(category: _Category, ids: Ints, sized: NDArray[np.bool_]) -> ClassMatches:
    truth, found, real = category.truth, category.found, category.real
    objects = np.flatnonzero(truth.categories == category.id)
    where_objects = np.searchsorted(ids, truth.images[objects])
    rows = _strongest(found, np.flatnonzero(found.categories == category.id))
    where = np.searchsorted(ids, found.images[rows])
    hits = np.zeros((len(IOU_THRESHOLDS), len(rows)), np.bool_)
    spared = np.zeros_like(hits)
    for here, there in _by_image(where, where_objects):
        targets = objects[there]
        hits[:, here], spared[:, here] = match_image(
            found.xywh[rows[here]], truth.xywh[targets], truth.crowd[targets], real[targets]
        )
    spared |= ~hits & ~sized[rows]
    order = np.argsort(-found.scores[rows], kind="stable")
    order = order[~spared[:, order].all(axis=0)]
    return ClassMatches(
        category=category.id,
        images=where[order],
        scores=found.scores[rows[order]],
        hits=hits[:, order],
        ignored=spared[:, order],
        objects=np.bincount(where_objects[real[objects]], minlength=len(ids)),
    )


def _strongest(found: FoundTable, rows: Ints) -> Ints:
    """Return those of ``rows``, of one category, that count: by image, strongest first."""
    rows = rows[np.lexsort((-found.scores[rows], found.images[rows]))]
    images = found.images[rows]
    return rows[np.arange(len(rows)) - np.searchsorted(images, images) < MAX_DETECTIONS]


def _by_image(where_boxes: Ints, where_objects: Ints) -> Iterator[tuple[slice, slice]]:
    """Yield, for each image with both, where its detections and its objects lie."""
    images = np.intersect1d(where_boxes, where_objects)
    boxes, objects = (
        [np.searchsorted(where, images, side).tolist() for side in ("left", "right")]
        for where in (where_boxes, where_objects)
    )
    for start, end, low, high in zip(*boxes, *objects, strict=True):
        yield slice(start, end), slice(low, high)


def match_image(
    found: Doubles, truth: Doubles, crowd: NDArray[np.bool_], real: NDArray[np.bool_] | None = None
) -> tuple[Flags, Flags]:
    """Return which detections of one image and category hit an object, and which are ignored.

    Strongest first, each detection takes the object it overlaps most among those still free; only
    when none reaches the threshold may it fall on what does not count. A crowd is shared by any
    number, an object by none.

    Args:
        found: ``(N, 4)`` xywh, strongest first.
        truth: ``(M, 4)`` xywh.
        crowd: ``(M,)``.
        real: ``(M,)`` which objects count; all but the crowds when ``None``.

    Returns:
        Two arrays ``(10, N)``, one row per IoU threshold.
    """
    shape = (len(IOU_THRESHOLDS), len(found))
    hits, ignored = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    if not len(found) or not len(truth):
        return hits, ignored
    counts = ~crowd if real is None else real
    iou = np.asarray(mask.iou(found, truth, crowd.astype(int).tolist()))
    thresholds = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)
    free = np.ones((len(thresholds), len(truth)), np.bool_)
    rows = np.arange(len(thresholds))
    kinds = [(hits, counts)] if counts.all() else [(hits, counts), (ignored, ~counts)]
    for d in np.flatnonzero(iou.max(axis=1) >= thresholds[0]):
        enough = iou[d] >= thresholds[:, None]
        for taken, kind in kinds:
            open_ = enough & kind & (free | crowd)
            best = _last_best(np.where(open_, iou[d], -1.0))
            taken[:, d] = open_[rows, best] & ~hits[:, d]
            free[rows[taken[:, d]], best[taken[:, d]]] = False
    return hits, ignored


def _last_best(overlap: Doubles) -> Ints:
    """Return the column of the largest value per row, the last of equals as COCO takes it."""
    best: Ints = overlap.shape[1] - 1 - overlap[:, ::-1].argmax(axis=1)
    return best
