"""A detector that takes milliseconds, and labelled images on which it is right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnx

from edgekit.config.calibration import open_source
from edgekit.measure.accuracy import detect_all
from edgekit.measure.latency import LatencyOptions
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ConvertOptions, ModelOptions
from tests.heads.detectors import distance_boxes
from tests.heads.net import Net, flat, sigmoid

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("disc", "square", "stripe")
CATEGORY_IDS = (3, 7, 9)
BINS = 16
BRIEF = LatencyOptions(min_runs=10, min_seconds=0.0, pause_s=0.0, images=2)


@dataclass(frozen=True)
class Tiny:
    """Files of one small world.

    Attributes:
        model: A detector of the YOLOv8 kind, 64 x 64, with names of its classes.
        calib: Folder of images, none of them among the labelled ones.
        labels: COCO json of what ``model`` is sure of in the images beside it.
    """

    model: Path
    calib: Path
    labels: Path

    def options(self, out: Path, **changes) -> ConvertOptions:
        """What a complete INT8 conversion asks for, measured briefly."""
        usual = {
            "target": "ort-cpu-int8",
            "out": out,
            "calib": str(self.calib),
            "evaluation": str(self.labels),
            "latency": BRIEF,
            "command": "edgekit convert tiny.onnx",
        }
        return ConvertOptions(**usual | changes)


def make_tiny(folder: Path) -> Tiny:
    """Write a ``Tiny`` into ``folder``."""
    model, calib, scored = folder / "tiny.onnx", folder / "calib", folder / "scored"
    onnx.save(tiny_detector(), model)
    write_images(calib, 32, seed=1)
    write_images(scored / "images", 10, seed=2)
    labels = scored / "labels.json"
    labels.write_text(json.dumps(labels_found_by(model, scored / "images")))
    return Tiny(model, calib, labels)


def tiny_detector() -> onnx.ModelProto:
    """Decoded YOLOv8, ``1 x 7 x 84``, with random weights."""
    net = Net(seed=11)
    near = np.tile(-np.arange(BINS, dtype=np.float32), 4)
    sides, kinds = [], []
    for features in net.features():
        weight = net.rng.normal(0, 0.3, (4 * BINS, 8, 1, 1))
        sides.append(net.op("Conv", features, weight, near))
        kinds.append(net.conv(features, 8, len(NAMES), bias=-2.0))
    boxes = distance_boxes(net, flat(net, sides, 4 * BINS), BINS)
    scores = sigmoid(net, flat(net, kinds, len(NAMES)))
    model = net.model(net.op("Concat", boxes, scores, axis=1))
    onnx.helper.set_model_props(model, {"names": str(dict(enumerate(NAMES)))})
    return model


def write_images(folder: Path, count: int, seed: int) -> None:
    """Write colourful images of different sizes into a new folder."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(count):
        coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
        size_wh = tuple(int(side) for side in rng.integers(60, 140, 2))
        image = cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{seed}-{number:02}.png"), image)


def labels_found_by(model: Path, images: Path) -> dict:
    """COCO annotations that are the model's own detections above 0.25."""
    dataset = open_source(str(images))
    opened = open_detector(model, ModelOptions(), "tiny")
    found = detect_all(opened.candidate, dataset).boxes
    annotations = []
    for record in dataset.records:
        boxes = found[record.id]
        for xyxy, score, label in zip(boxes.xyxy, boxes.scores, boxes.classes, strict=True):
            if score > 0.25:
                x1, y1, x2, y2 = (float(v) for v in xyxy)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": record.id,
                        "category_id": CATEGORY_IDS[label],
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "area": (x2 - x1) * (y2 - y1),
                        "iscrowd": 0,
                    }
                )
    return {
        "images": [
            {"id": r.id, **_size(r.path), "file_name": r.path.name} for r in dataset.records
        ],
        "annotations": annotations,
        "categories": [
            {"id": i, "name": name} for i, name in zip(CATEGORY_IDS, NAMES, strict=True)
        ],
    }


def _size(path: Path) -> dict[str, int]:
    height, width = cv2.imread(str(path)).shape[:2]
    return {"width": width, "height": height}
