"""What a report holds of how good a row is, beyond its mAP."""

from __future__ import annotations

from edgekit.report.parts import Fraction, Part


class OperatingPoint(Part):
    """Precision and recall at the confidence where F1 is best, at IoU 0.5."""

    confidence: Fraction
    precision: Fraction
    recall: Fraction
    f1: Fraction


class AverageRecall(Part):
    """COCO average recall over IoU 0.5 to 0.95; ``None`` where the images hold no such object.

    Attributes:
        ar1: With one detection per image.
        ar10: With 10.
        ar100: With 100.
    """

    ar1: Fraction
    ar10: Fraction
    ar100: Fraction
    small: Fraction | None = None
    medium: Fraction | None = None
    large: Fraction | None = None


class Curves(Part):
    """Precision and recall at IoU 0.5.

    Attributes:
        precision_at_recall: Interpolated precision at recalls 0, 0.01 ... 1, mean over classes.
        precision: At confidences 0, 0.01 ... 1, all classes together; ``None`` where nothing is
            found.
        recall: At the same confidences.
        f1: At the same confidences.
    """

    precision_at_recall: tuple[Fraction, ...]
    precision: tuple[Fraction | None, ...]
    recall: tuple[Fraction, ...]
    f1: tuple[Fraction, ...]


class ConfusionCell(Part):
    """How often an object of one class was found as another.

    Attributes:
        truth: Class of the object; ``None`` where there was none.
        found: Class it was found as; ``None`` where it was missed.
    """

    truth: str | None
    found: str | None
    count: int


class Confusion(Part):
    """Which classes are taken for which, detections and objects paired whatever their class.

    Attributes:
        confidence: Detections below it are left out.
        iou: Least overlap of a pair.
        cells: Those that are not zero, the largest first.
    """

    confidence: Fraction
    iou: Fraction
    cells: tuple[ConfusionCell, ...]
