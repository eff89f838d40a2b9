"""How much of what is there a detector finds: COCO average recall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.measure.coco import AREA_RANGES, mean_valid

if TYPE_CHECKING:
    from edgekit.measure.coco import Doubles


@dataclass(frozen=True)
class AverageRecall:
    """COCO average recall, a fraction of 1; ``None`` where the images hold no such object.

    The mean, over IoU thresholds from 0.5 to 0.95 and over categories, of the share of objects
    found by the strongest detections of each image and category, whatever their confidence.

    Attributes:
        ar1: With one detection of each category per image.
        ar10: With 10.
        ar100: With 100.
        small: With 100, of objects below 32 x 32 pixels.
        medium: Up to 96 x 96.
        large: Of those above.
    """

    ar1: float
    ar10: float
    ar100: float
    small: float | None
    medium: float | None
    large: float | None


def average_recall(recall: Doubles) -> AverageRecall:
    """Return average recall from the highest recall of every part.

    Args:
        recall: ``(10, K, 4, 3)`` by IoU threshold, category, area range and 1, 10 or 100
            detections; -1 where there is no object.
    """
    ar1, ar10, ar100 = (mean_valid(recall[:, :, 0, limit]) or 0.0 for limit in range(3))
    small, medium, large = (
        mean_valid(recall[:, :, area, 2]) for area in range(1, len(AREA_RANGES))
    )
    return AverageRecall(ar1, ar10, ar100, small, medium, large)
