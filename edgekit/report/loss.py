"""Where a row loses against FP32, as ``report.json`` holds it."""

from __future__ import annotations

from typing import Literal

from edgekit.report.parts import Fraction, Interval95, Part

Fate = Literal["kept", "other-class", "faded", "moved", "missed", "risen", "new"]


class FateCount(Part):
    """How many detections above the confidence came to what, against FP32 on the same images.

    Attributes:
        fate: ``kept``, of the same class with an IoU of 0.5 or more; ``other-class``;
            ``faded``, below the confidence; ``moved``, with an IoU of 0.1 to 0.5 only;
            ``missed``; and, of detections that FP32 does not have there, ``risen``, where it has
            them below the confidence, or ``new``.
        right: How many of them had found a labelled object; ``None`` without labels.
    """

    fate: Fate
    count: int
    right: int | None = None


class Detection(Part):
    """One detection, with its box in pixels of the image."""

    label: str
    confidence: Fraction
    box_xyxy: tuple[float, float, float, float]


class Example(Part):
    """One detection that came to a fate.

    Attributes:
        image: File name.
        fp32: What FP32 has; ``None`` where it has nothing.
        here: What this row has; likewise.
        iou: Of the two boxes; 0 where there is only one.
    """

    fate: Fate
    image: str
    fp32: Detection | None = None
    here: Detection | None = None
    iou: Fraction = 0.0


class Lost(Part):
    """Points of 0..100 that are lost, negative where they are gained."""

    points: float
    ci95: Interval95


class Causes(Part):
    """Points lost by what is wrong with the detections; they add up to the whole loss.

    Attributes:
        confidence: Because detections that FP32 has too are scored differently.
        place: Because their boxes are different.
        presence: Because a detection is in one of the two only, or of another class.
    """

    confidence: Lost
    place: Lost
    presence: Lost


class Group(Part):
    """Objects of one class or size.

    Attributes:
        objects: How many there are.
        images: How many images have one.
        fp32: mAP50-95 of FP32, a fraction; without labels agreement, which is 1.
        here: That of this row.
        lost: Points lost; ``None`` with too few objects to tell.
    """

    name: str
    objects: int
    images: int
    fp32: Fraction
    here: Fraction
    lost: Lost | None = None


class LayerShare(Part):
    """What rounding the result of one layer is expected to cost: a forecast, nothing measured.

    Attributes:
        layer: Name of the node.
        share: Of what rounding costs all layers together: squared errors, each weighed by the
            squared gradient of the predictions.
    """

    layer: str
    share: Fraction


class Shift(Part):
    """Confidence of this row less that of FP32, over the detections that both have.

    Attributes:
        pairs: How many detections.
        quantiles: 5 %, 25 %, 75 % and 95 % of the differences.
    """

    pairs: int
    median: float
    median_ci95: Interval95
    quantiles: tuple[float, ...]


class Kept(Part):
    """What a confidence threshold keeps: precision and recall at IoU 0.5, with labels only."""

    confidence: Fraction
    detections: int
    precision: Fraction | None = None
    recall: Fraction | None = None


class Threshold(Part):
    """Thresholds of this row that do what one of FP32 does.

    Attributes:
        fp32: FP32 at its threshold.
        unchanged: This row at the same one.
        same_count: This row with as many detections as FP32.
        same_count_ci95: 95 % interval of that threshold, over images.
        same_precision: The lowest threshold with FP32's precision; ``None`` where not reached.
        same_recall: The highest threshold with FP32's recall; likewise.
    """

    fp32: Kept
    unchanged: Kept
    same_count: Kept
    same_count_ci95: Interval95
    same_precision: Kept | None = None
    same_recall: Kept | None = None

    @property
    def advised(self) -> float:
        """The threshold to use: FP32's own where the images do not show that another is due."""
        low, high = self.same_count_ci95
        own = self.fp32.confidence
        return own if low <= own <= high else self.same_count.confidence


class Diagnosis(Part):
    """Where the loss of a row comes from.

    Attributes:
        confidence: From which on a detection counts.
        images: How many images it rests on.
        labelled: Whether ``classes`` and ``sizes`` are of mAP; of agreement where not.
        fates: What became of FP32's detections, and what is new.
        examples: The strongest of every fate but ``kept``.
        shift: Of the confidence scale; ``None`` where no detection has a partner.
        thresholds: For FP32's at ``confidence`` and, with labels, at its best F1.
        scale: Thresholds of FP32, each with this row's that keeps as many detections.
        agreement_lost: Points of agreement, by cause.
        map_lost: Points of mAP, by cause; ``None`` without labels.
        classes: Every class that has objects, the largest loss first.
        sizes: Small, medium and large objects.
    """

    confidence: Fraction
    images: int
    labelled: bool
    fates: tuple[FateCount, ...]
    examples: tuple[Example, ...] = ()
    shift: Shift | None = None
    thresholds: tuple[Threshold, ...] = ()
    scale: tuple[tuple[Fraction, Fraction], ...] = ()
    agreement_lost: Causes
    map_lost: Causes | None = None
    classes: tuple[Group, ...] = ()
    sizes: tuple[Group, ...] = ()
