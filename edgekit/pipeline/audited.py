"""The audit inside a conversion, of what reading, calibrating and scoring showed anyway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.calibrate.audit import evaluated_findings, image_findings, outlier_findings
from edgekit.calibrate.coverage import coverage, extremes_of, outliers
from edgekit.pipeline.audit import read_facts
from edgekit.report.schema import Calibration, CalibrationPoint

if TYPE_CHECKING:
    from edgekit.calibrate.audit import ImageFacts
    from edgekit.pipeline.data import ImageSets
    from edgekit.quantize.quantize import QuantizedGraph


@dataclass(frozen=True, eq=False)
class ReadImages:
    """The facts of all images of a conversion, each read once for them.

    Attributes:
        calibrating: Of the calibration images; none where nothing is calibrated.
        scoring: Of the evaluation images; none where nothing is scored.
        searching: Of the search images; none where nothing is searched for.
    """

    calibrating: tuple[ImageFacts, ...] = ()
    scoring: tuple[ImageFacts, ...] = ()
    searching: tuple[ImageFacts, ...] = ()


def read_images(sets: ImageSets) -> ReadImages:
    """Return the facts of the images in ``sets``."""
    calibrating, scoring, searching = (
        tuple(read_facts(images)) if images else ()
        for images in (sets.calibration, sets.evaluation, sets.search)
    )
    return ReadImages(calibrating, scoring, searching)


def calibration_part(
    observer: str, quantized: QuantizedGraph, read: ReadImages, size_hw: tuple[int, int]
) -> Calibration:
    """Return what the report says of the calibration.

    Args:
        observer: How ranges were chosen.
        quantized: What they were chosen for, with what calibration saw.
        read: The images.
        size_hw: Of the network's input, in pixels.
    """
    names = tuple(fact.name for fact in read.calibrating if fact.size_hw is not None)
    findings = [*image_findings(read.calibrating, max(size_hw) // 2)]
    findings += evaluated_findings(read.calibrating, read.scoring)
    known: dict[str, object] = {"observer": observer, "tensors": len(quantized.ranges)}
    if quantized.statistics is not None:
        extremes = extremes_of(quantized.statistics)
        findings += outlier_findings(outliers(extremes), names)
        covered = coverage(extremes)
        known |= {"more": covered.more, "advice": covered.advice}
        known["curve"] = [CalibrationPoint(**vars(point)) for point in covered.curve]
    known |= {"images": len(names), "findings": [finding.sentence for finding in findings]}
    return Calibration.model_validate(known)
