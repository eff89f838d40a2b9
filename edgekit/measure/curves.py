"""Precision and recall over the confidence threshold, and against each other, at IoU 0.5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edgekit.measure.coco import Doubles
    from edgekit.measure.thresholds import Judged

# As float32, like the scores: a score of 0.7 is at or above a threshold of 0.7.
CONFIDENCES = (np.arange(101) / 100).astype(np.float32)


@dataclass(frozen=True)
class Curves:
    """Precision and recall at IoU 0.5, of the classes that have objects.

    Attributes:
        precision_at_recall: Interpolated precision at recalls 0, 0.01 ... 1, mean over classes.
        precision: At confidences 0, 0.01 ... 1, all classes together; ``None`` where nothing is
            found.
        recall: At the same confidences.
        f1: At the same confidences.
    """

    precision_at_recall: tuple[float, ...]
    precision: tuple[float | None, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]


def curves(detections: Judged, precision: Doubles) -> Curves:
    """Return the curves of one model.

    Args:
        detections: Of all classes that have objects, at least one object.
        precision: ``(101, K)`` COCO's at IoU 0.5 by recall level and category, -1 in every row of
            a category without objects.
    """
    present = precision[:, (precision > -1).all(axis=0)]
    kept = np.searchsorted(-detections.scores, -CONFIDENCES.astype(np.float64), side="right")
    right = np.concatenate([[0], detections.right])[kept]
    sure = [r / k if k else None for r, k in zip(right.tolist(), kept.tolist(), strict=True)]
    return Curves(
        precision_at_recall=tuple(present.mean(axis=1).tolist()),
        precision=tuple(sure),
        recall=tuple((right / detections.objects).tolist()),
        f1=tuple((2 * right / (kept + detections.objects)).tolist()),
    )
