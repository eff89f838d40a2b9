"""Small torch detectors to export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.export.torch_onnx import ExportOptions
from edgekit.nets.stored.build import build_detector
from tests.upstream import checkpoint, yolo

if TYPE_CHECKING:
    from edgekit.nets.stored.build import LoadedDetector

FAMILIES = ("yolov5", "yolov8", "yolov10")
SMALL = ExportOptions((64, 96), properties={"mine": "1"})


def detector(family: str = "yolov8", **attributes) -> LoadedDetector:
    """A detector of ``family``, of three classes, with strides 8 and 16."""
    return build_detector(checkpoint({"model": yolo(family, **attributes)}))
