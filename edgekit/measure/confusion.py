"""Which classes are taken for which: a confusion matrix of detections and objects."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from faster_coco_eval.core import mask

from edgekit.boxes import pair_up
from edgekit.measure.coco import scored_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from edgekit.measure.coco import Doubles, FoundTable, TruthTable
    from edgekit.values import Ints

IOU = 0.5


@dataclass(frozen=True)
class Cell:
    """How often an object of one class was found as another.

    Attributes:
        truth: Class of the object; ``None`` where there was none.
        found: Class it was found as; ``None`` where it was missed.
    """

    truth: str | None
    found: str | None
    count: int


@dataclass(frozen=True)
class Confusion:
    """Objects and detections counted by class.

    Attributes:
        confidence: Detections below it are left out.
        iou: Least overlap of a pair.
        cells: Those that are not zero, the largest first.
    """

    confidence: float
    iou: float
    cells: tuple[Cell, ...]


def confusion(
    truth: TruthTable, found: FoundTable, names: Mapping[int, str], confidence: float
) -> Confusion:
    """Return which classes are found as which.

    Detections and objects of one class are paired first, as COCO pairs them, so that the diagonal
    counts what precision and recall count as right. What is left is paired whatever its class,
    largest overlap first. A detection on a crowd of its own class counts neither way, nor does the
    crowd.

    Args:
        truth: Objects.
        found: Detections of the same images.
        names: Name of each category id.
        confidence: Detections below it are left out.
    """
    counts: Counter[tuple[int | None, int | None]] = Counter()
    for image in _images(truth, found, confidence):
        counts.update(_of_image(image))
    cells = (Cell(_name(t, names), _name(f, names), n) for (t, f), n in counts.items())
    ordered = sorted(cells, key=lambda c: (-c.count, c.truth or "", c.found or ""))
    return Confusion(confidence, IOU, tuple(ordered))


@dataclass(frozen=True, eq=False)
class _Image:
    """One image: its detections, strongest first, and its objects."""

    found: Doubles
    found_as: Ints
    truth: Doubles
    truth_is: Ints
    crowd: NDArray[np.bool_]


def _images(truth: TruthTable, found: FoundTable, confidence: float) -> Iterator[_Image]:
    """Yield every image that has a detection or an object."""
    rows = scored_rows(found)
    rows = rows[found.scores[rows] >= confidence]
    rows = rows[np.lexsort((-found.scores[rows], found.images[rows]))]
    images = np.union1d(found.images[rows], truth.images)
    ends = [
        np.searchsorted(column, images, side).tolist()
        for column in (found.images[rows], truth.images)
        for side in ("left", "right")
    ]
    for start, end, low, high in zip(*ends, strict=True):
        here, there = rows[start:end], slice(low, high)
        yield _Image(
            found=found.xywh[here],
            found_as=found.categories[here],
            truth=truth.xywh[there],
            truth_is=truth.categories[there],
            crowd=truth.crowd[there],
        )


def _of_image(image: _Image) -> Counter[tuple[int | None, int | None]]:
    """Return how often each pair of category ids, or of one and nothing, is in one image."""
    taken_as, overlap = _same_class(image)
    found = np.flatnonzero(taken_as == _FREE)
    objects = np.setdiff1d(np.flatnonzero(~image.crowd), taken_as)
    left = overlap[np.ix_(found, objects)].astype(np.float32)
    pairs = pair_up(left, IOU)
    others = {int(found[f]): int(objects[o]) for f, o in pairs}
    hits = [(int(t), int(t)) for t in image.truth_is[taken_as[taken_as >= 0]]]
    mixed = [(int(image.truth_is[o]), int(image.found_as[f])) for f, o in others.items()]
    wrong = [(None, int(image.found_as[f])) for f in found if f not in others]
    missed = [(int(image.truth_is[o]), None) for o in objects if o not in set(others.values())]
    return Counter([*hits, *mixed, *wrong, *missed])


_FREE, _ON_CROWD = -1, -2


def _same_class(image: _Image) -> tuple[Ints, Doubles]:
    """Return ``(N,)`` the object of its class that each detection takes, and ``(N, M)`` overlaps.

    As in COCO's matching at IoU 0.5: strongest first, the last of the best, a crowd only where no
    object is free.
    """
    taken_as = np.full(len(image.found), _FREE, np.int64)
    overlap = np.zeros((len(image.found), len(image.truth)))
    if not overlap.size:
        return taken_as, overlap
    overlap = np.asarray(mask.iou(image.found, image.truth, image.crowd.astype(int).tolist()))
    near = (overlap >= IOU) & (image.found_as[:, None] == image.truth_is[None, :])
    free = ~image.crowd
    for d in np.flatnonzero(near.any(axis=1)):
        open_ = np.flatnonzero(near[d] & free)
        if len(open_):
            best = open_[len(open_) - 1 - int(overlap[d, open_][::-1].argmax())]
            taken_as[d], free[best] = best, False
        elif (near[d] & image.crowd).any():
            taken_as[d] = _ON_CROWD
    return taken_as, overlap


def _name(category: int | None, names: Mapping[int, str]) -> str | None:
    return None if category is None else names[category]
