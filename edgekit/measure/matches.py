"""Which detection found which object: COCO matching of every image, done once.

faster-coco-eval keeps its matches to itself, and resampling images needs them. The tests hold this
matching equal to the library's at every threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from faster_coco_eval.core import mask

from edgekit.measure.coco import IOU_THRESHOLDS, MAX_DETECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from edgekit.measure.coco import Doubles, FoundTable, TruthTable
    from edgekit.values import Ints

Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class ClassMatches:
    """The detections of one category over all images, strongest first.

    Attributes:
        category: Its id.
        images: ``(N,)`` position of the image in the list that was matched.
        scores: ``(N,)`` confidence in 0..1.
        hits: ``(10, N)`` whether the detection found an object, per IoU threshold.
        ignored: ``(10, N)`` whether it lies on a crowd and counts neither way.
        objects: ``(I,)`` objects in each image, crowds left out.
    """

    category: int
    images: Ints
    scores: Doubles
    hits: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: Ints


def match(
    truth: TruthTable, found: FoundTable, image_ids: Sequence[int]
) -> tuple[ClassMatches, ...]:
    """Return the matches of every category that has an object, ascending by category id.

    Args:
        truth: Objects of these images.
        found: Detections of these images.
        image_ids: Which images, ascending.
    """
    ids = np.asarray(image_ids, np.int64)
    categories = np.unique(truth.categories[~truth.crowd])
    return tuple(_match_category(truth, found, ids, int(c)) for c in categories)


def _match_category(truth: TruthTable, found: FoundTable, ids: Ints, category: int) -> ClassMatches:
    objects = np.flatnonzero(truth.categories == category)
    boxes = np.flatnonzero(found.categories == category)
    where_objects = np.searchsorted(ids, truth.images[objects])
    where_boxes = np.searchsorted(ids, found.images[boxes])
    kept: list[Ints] = []
    hits: list[Flags] = []
    ignored: list[Flags] = []
    for here, there in _by_image(where_boxes, where_objects):
        rows = boxes[here][np.argsort(-found.scores[boxes[here]], kind="stable")]
        rows, targets = rows[:MAX_DETECTIONS], objects[there]
        matched = match_image(found.xywh[rows], truth.xywh[targets], truth.crowd[targets])
        kept.append(rows)
        hits.append(matched[0])
        ignored.append(matched[1])
    rows = np.concatenate([np.empty(0, np.int64), *kept])
    order = np.argsort(-found.scores[rows], kind="stable")
    none = np.empty((len(IOU_THRESHOLDS), 0), np.bool_)
    return ClassMatches(
        category=category,
        images=np.searchsorted(ids, found.images[rows[order]]),
        scores=found.scores[rows[order]],
        hits=np.concatenate([none, *hits], axis=1)[:, order],
        ignored=np.concatenate([none, *ignored], axis=1)[:, order],
        objects=np.bincount(where_objects[~truth.crowd[objects]], minlength=len(ids)),
    )


def _by_image(where_boxes: Ints, where_objects: Ints) -> Iterator[tuple[slice, slice]]:
    """Yield, for each image with a detection, where its detections and its objects lie."""
    images, starts = np.unique(where_boxes, return_index=True)
    ends = np.append(starts, len(where_boxes))[1:]
    first = np.searchsorted(where_objects, images, "left")
    last = np.searchsorted(where_objects, images, "right")
    for start, end, low, high in zip(starts, ends, first, last, strict=True):
        yield slice(start, end), slice(low, high)


def match_image(found: Doubles, truth: Doubles, crowd: NDArray[np.bool_]) -> tuple[Flags, Flags]:
    """Return which detections of one image and category hit an object, and which are ignored.

    Strongest first, each detection takes the object it overlaps most among those still free; only
    when none reaches the threshold may it fall on a crowd, which any number may share.

    Args:
        found: ``(N, 4)`` xywh, strongest first.
        truth: ``(M, 4)`` xywh.
        crowd: ``(M,)``.

    Returns:
        Two arrays ``(10, N)``, one row per IoU threshold.
    """
    shape = (len(IOU_THRESHOLDS), len(found))
    hits, ignored = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    if not len(found) or not len(truth):
        return hits, ignored
    iou = np.asarray(mask.iou(found, truth, crowd.astype(int).tolist()))
    thresholds = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)
    free = np.repeat(~crowd[None], len(thresholds), axis=0)
    rows = np.arange(len(thresholds))
    for d in np.flatnonzero(iou.max(axis=1) >= thresholds[0]):
        enough = iou[d] >= thresholds[:, None]
        best = _last_best(np.where(enough & free, iou[d], -1.0))
        hits[:, d] = (enough & free)[rows, best]
        free[rows[hits[:, d]], best[hits[:, d]]] = False
        ignored[:, d] = ~hits[:, d] & (enough & crowd).any(axis=1)
    return hits, ignored


def _last_best(overlap: Doubles) -> Ints:
    """Return the column of the largest value per row, the last of equals as COCO takes it."""
    best: Ints = overlap.shape[1] - 1 - overlap[:, ::-1].argmax(axis=1)
    return best
