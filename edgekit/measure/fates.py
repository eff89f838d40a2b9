"""What became of one model's detections in another: kept, moved, renamed, faded or missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from edgekit.boxes import box_iou, pair_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.values import Boxes

Fate = Literal["kept", "other-class", "faded", "moved", "missed", "risen", "new"]
"""What became of a detection above a confidence.

The first five are of the first model's detections. ``kept``: the other model has it too, of the
same class and with an IoU of 0.5 or more. ``other-class``: as well, of another class. ``faded``:
as well, but below the confidence. ``moved``: only with an IoU of 0.1 to 0.5. ``missed``: not at
all. The last two are of the other model's detections. ``risen``: the first model has it below the
confidence. ``new``: it has not.
"""
FATES: tuple[Fate, ...] = get_args(Fate)
OF_BASE: tuple[Fate, ...] = FATES[:5]

SAME_IOU = 0.5
# Source: Bolya et al., "TIDE" (ECCV 2020): below it a box is of the background.
NEAR_IOU = 0.1
# A share of the confidence: weaker boxes lie nearly everywhere, and no threshold in use keeps them.
FAINT = 0.4


@dataclass(frozen=True)
class Change:
    """One detection, and what became of it.

    Attributes:
        image: Its id.
        base: Its row among the first model's boxes of that image; ``None`` where it is new.
        other: Row of its partner among the other model's boxes; ``None`` where it was missed.
        iou: Of the two; 0 where there is only one.
    """

    fate: Fate
    image: int
    base: int | None
    other: int | None
    iou: float = 0.0


def changes(
    base: Mapping[int, Boxes], other: Mapping[int, Boxes], ids: Sequence[int], confidence: float
) -> tuple[Change, ...]:
    """Return what became of every detection of either model at or above ``confidence``.

    Every detection is in one change at most. Pairs are made kind by kind, in the order of
    ``Fate``, those that overlap most first.

    Args:
        base: Detections of the model to compare with, by image id, below the confidence too.
        other: Detections of the model under test.
        ids: Which images.
        confidence: In 0..1, above 0.
    """
    return tuple(c for i in ids for c in _changes_in(i, base[i], other[i], confidence))


def _changes_in(image: int, base: Boxes, other: Boxes, confidence: float) -> list[Change]:
    first, second = _not_faint(base, confidence), _not_faint(other, confidence)
    sure = base.scores[first] >= confidence, other.scores[second] >= confidence
    overlap = box_iou(base.xyxy[first], other.xyxy[second])
    same = base.classes[first][:, None] == other.classes[second][None, :]
    both = sure[0][:, None] & sure[1][None, :]
    kinds: tuple[tuple[Fate, np.ndarray, float], ...] = (
        ("kept", both & same, SAME_IOU),
        ("other-class", both & ~same, SAME_IOU),
        ("faded", (sure[0][:, None] & ~sure[1][None, :]) & same, SAME_IOU),
        ("risen", (~sure[0][:, None] & sure[1][None, :]) & same, SAME_IOU),
        ("moved", both & same, NEAR_IOU),
    )
    found: list[Change] = []
    free = np.ones(len(first), np.bool_), np.ones(len(second), np.bool_)
    for fate, allowed, least in kinds:
        open_ = allowed & free[0][:, None] & free[1][None, :]
        for row, column in pair_up(np.where(open_, overlap, 0), least):
            free[0][row] = free[1][column] = False
            iou = float(overlap[row, column])
            found.append(Change(fate, image, int(first[row]), int(second[column]), iou))
    lost, new = np.flatnonzero(free[0] & sure[0]), np.flatnonzero(free[1] & sure[1])
    found.extend(Change("missed", image, int(first[row]), None) for row in lost)
    found.extend(Change("new", image, None, int(second[column])) for column in new)
    return found


def _not_faint(boxes: Boxes, confidence: float) -> np.ndarray:
    return np.flatnonzero(boxes.scores >= FAINT * confidence)
