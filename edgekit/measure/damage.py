"""How far a network's outputs moved away from those of the float network, without labels.

A cheap stand-in for agreement: where either network is confident, each prediction is compared with
itself. No suppression, no matching of images, and little noise, since every cell around an object
counts, not only the one that survives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.boxes import box_iou, pair_up
from edgekit.errors import StageError
from edgekit.heads.decode import boxes_xyxy, decode
from edgekit.heads.scores import candidates, class_scores
from edgekit.heads.spec import DetectionsHead, outputs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import DenseHead, HeadSpec
    from edgekit.values import Boxes, Floats

    Outputs = Mapping[str, NDArray[np.generic]]

FLOOR = 0.2  # this and the worth of an overlap were chosen by benchmarks/damage_proxy.py
TOUCHING = 1e-6


@dataclass(frozen=True)
class Shift:
    """What became of the predictions of one image.

    Attributes:
        kept: Confidence that both networks give to the same box and class.
        either: Confidence that at least one of them gives.
    """

    kept: float
    either: float


def damage(reference: Outputs, outputs: Outputs, head: HeadSpec) -> float:
    """Return how much of what the network predicts has changed, 0 (nothing) to 1 (everything).

    Args:
        reference: Outputs of the float network for one image, by name.
        outputs: Outputs of another network for the same image.
        head: How both are decoded.

    Raises:
        StageError: An output that ``head`` reads is missing.
    """
    return total_damage([shift(reference, outputs, head)])


def total_damage(shifts: Iterable[Shift]) -> float:
    """Return the damage over several images: an image counts by the confidence in it.

    Zero where neither network is confident of anything.
    """
    each = list(shifts)
    either = sum(s.either for s in each)
    return 1 - sum(s.kept for s in each) / either if either else 0.0


def shift(reference: Outputs, outputs: Outputs, head: HeadSpec) -> Shift:
    """Return what became of the predictions of one image; ``damage`` says what is compared.

    Raises:
        StageError: An output that ``head`` reads is missing.
    """
    if isinstance(head, DetectionsHead):
        return _shift_of_detections(decode(reference, head, FLOOR), decode(outputs, head, FLOOR))
    missing = outputs_of(head) - (outputs.keys() & reference.keys())
    if missing:
        raise StageError(
            f"The head reads outputs {sorted(missing)}, but the networks gave {sorted(outputs)} "
            f"and {sorted(reference)}. Compare networks that were cut at the same outputs."
        )
    each = [_shift_of_part(reference, outputs, head, i) for i in range(len(head.parts))]
    return Shift(sum(s.kept for s in each), sum(s.either for s in each))


def _shift_of_part(reference: Outputs, outputs: Outputs, head: DenseHead, part: int) -> Shift:
    """Return the shift of dense predictions: row ``i`` of both is the same prediction."""
    both = (reference, outputs)
    found = [candidates(o, head.parts[part], head, FLOOR).rows for o in both]
    rows = np.unique(np.concatenate(found))
    before, after = (
        np.nan_to_num(class_scores(o, head.parts[part], head, rows), copy=False) for o in both
    )
    watched = np.maximum(before, after) > FLOOR
    worth = _worth(_iou_of_pairs(*(boxes_xyxy(o, head, part, rows) for o in both)))
    kept = (np.minimum(before, after) * watched).sum(axis=1) @ worth
    return Shift(float(kept), float((np.maximum(before, after) * watched).sum()))


def _shift_of_detections(before: Boxes, after: Boxes) -> Shift:
    """Return the shift of picked detections, which come in any order: boxes of a class pair up."""
    iou = box_iou(before.xyxy, after.xyxy) * (before.classes[:, None] == after.classes)
    pairs = np.array(pair_up(iou, TOUCHING), np.int64).reshape(-1, 2).T
    both = np.minimum(before.scores[pairs[0]], after.scores[pairs[1]])
    kept = both @ _worth(iou[pairs[0], pairs[1]])
    return Shift(float(kept), float(before.scores.sum() + after.scores.sum() - both.sum()))


def _iou_of_pairs(before_xyxy: Floats, after_xyxy: Floats) -> Floats:
    """Return ``(N,)`` the overlap of each box with the same one of the other network.

    Two boxes without area overlap if they are the same; a box that is no number overlaps none.
    """
    low = np.maximum(before_xyxy[:, :2], after_xyxy[:, :2])
    high = np.minimum(before_xyxy[:, 2:], after_xyxy[:, 2:])
    inner = np.prod(np.maximum(high - low, 0), axis=1)
    areas = [np.prod(np.maximum(b[:, 2:] - b[:, :2], 0), axis=1) for b in (before_xyxy, after_xyxy)]
    union = areas[0] + areas[1] - inner
    same = (before_xyxy == after_xyxy).all(axis=1).astype(np.float32)
    iou: Floats = np.divide(inner, union, out=same, where=union > 0)
    return iou


def _worth(iou: Floats) -> Floats:
    """Return what a box that moved so far is worth: nothing where COCO would not match it."""
    worth: Floats = np.clip(2 * iou - 1, 0, 1)
    return worth
