"""``edgekit run``: detections on images, a folder, a video or a camera."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgekit.backends.artifact import is_artifact, read_artifact
from edgekit.config.calibration import open_source
from edgekit.errors import DataError
from edgekit.images.datasets import DatasetOptions
from edgekit.images.read import read_image
from edgekit.load.program import short_name
from edgekit.measure.predict import Predictor
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.values import Boxes, Pixels

logger = logging.getLogger(__name__)

USUAL_CONFIDENCE = 0.25
VIDEO = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})


@dataclass(frozen=True, eq=False)
class Frame:
    """What was found in one image or video frame.

    Attributes:
        name: File name, or ``name#number`` for a frame.
        boxes: In pixels of the image.
        class_names: By class index; empty where the model names none.
    """

    name: str
    pixels_rgb: Pixels
    boxes: Boxes
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class DefaultConfidence:
    """The least confidence shown where the user names none.

    Attributes:
        note: Where it is from; ``None`` for the usual one.
    """

    value: float
    note: str | None = None


def default_confidence(artifact: Path) -> DefaultConfidence:
    """Return the confidence that keeps FP32's operating point, where an artifact names it.

    Args:
        artifact: Artifact or model file.

    Raises:
        ConfigError: The artifact cannot be used.
    """
    thresholds = read_artifact(artifact)[0].thresholds if is_artifact(artifact) else ()
    if not thresholds:
        return DefaultConfidence(USUAL_CONFIDENCE)
    first = thresholds[0]
    if first.here == first.fp32:
        return DefaultConfidence(first.here)
    note = (
        f"Shown from confidence {first.here:.3f}, which keeps as many detections as FP32 keeps at "
        f"{first.fp32:g} (manifest.json). --confidence sets another."
    )
    return DefaultConfidence(first.here, note)


def run(
    artifact: Path, source: str, confidence: float, options: ModelOptions | None = None
) -> Iterator[Frame]:
    """Yield what the detector at ``artifact`` finds in ``source``, image by image.

    Args:
        artifact: Artifact or model file.
        source: Image, folder, data set, video file, or number of a camera.
        confidence: Detections below it are left out.
        options: What a model file leaves open, and the folder that keeps its export and images
            which a manifest renders.

    Raises:
        ConfigError: Bad input.
    """
    options = options or ModelOptions()
    opened = open_detector(artifact, options, short_name(artifact))
    for warning in opened.warnings:
        logger.warning(warning)
    with Predictor(opened.candidate.at_confidence(confidence)) as predictor:
        for name, pixels_rgb in _frames(source, options.cache):
            yield Frame(name, pixels_rgb, predictor.detect(pixels_rgb), opened.class_names)


def _frames(source: str, cache: Path | None) -> Iterator[tuple[str, Pixels]]:
    if source.isdecimal() or Path(source).suffix.lower() in VIDEO:
        yield from _video(source)
        return
    for record in open_source(source, DatasetOptions(cache=cache)).records:
        pixels_rgb = read_image(record).pixels_rgb
        if pixels_rgb is not None:
            yield record.path.name, pixels_rgb


def _video(source: str) -> Iterator[tuple[str, Pixels]]:
    capture = cv2.VideoCapture(int(source) if source.isdecimal() else source)
    if not capture.isOpened():
        raise DataError(f"Cannot open the video or camera '{source}'. Check the path or number.")
    number = 0
    try:
        while (read := capture.read())[0]:
            yield f"{source}#{number}", np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
            number += 1
    finally:
        capture.release()
