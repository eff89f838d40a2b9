"""Made-up scenes with every case COCO treats apart, and pycocotools to score them."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.heads.spec import DecodedHead, NmsOptions, Part, View
from edgekit.measure.candidate import Candidate
from edgekit.values import Boxes, Category, Dataset, ImageRecord, Preprocess, Truth

CATEGORY_IDS = (7, 1, 3)


def make_scene(seed, images=12, most_found=40):
    """Return a data set and detections by image id.

    Image ids are not in order, some images are empty of objects or of detections, some objects
    are crowds, sizes reach over the three area ranges, many confidences are equal.
    """
    rng = np.random.default_rng(seed)
    ids = [int(i) for i in rng.permutation(images) * 3 + 5]
    truths = {i: make_truth(rng, int(rng.integers(0, 9))) for i in ids}
    records = tuple(ImageRecord(i, Path(f"{i}.png"), (480, 640), truths[i]) for i in ids)
    categories = tuple(Category(c, f"kind {c}") for c in sorted(CATEGORY_IDS))
    found = {i: make_found(rng, truths[i], int(rng.integers(0, most_found))) for i in ids}
    return Dataset("made up", records, categories), found


def make_truth(rng, count):
    xyxy = make_corners(rng, count)
    sides = xyxy[:, 2:] - xyxy[:, :2]
    return Truth(
        xyxy=xyxy,
        categories=rng.choice(CATEGORY_IDS, count).astype(np.int64),
        crowd=rng.random(count) < 0.2,
        area=(sides.prod(axis=1) * rng.uniform(0.5, 1.0, count)).astype(np.float32),
    )


def make_found(rng, truth, count):
    """Return detections: some near objects, some anywhere; confidences in tenths."""
    loose = make_corners(rng, count)
    near = rng.integers(0, max(1, len(truth.xyxy)), count)
    if len(truth.xyxy):
        close = truth.xyxy[near] + rng.normal(0, 4, (count, 4)).astype(np.float32)
        close[:, 2:] = np.maximum(close[:, 2:], close[:, :2] + 1)
        loose = np.where(rng.random(count)[:, None] < 0.6, close, loose)
    classes = rng.integers(0, len(CATEGORY_IDS), count)
    if len(truth.xyxy):
        right = [CATEGORY_IDS.index(c) for c in truth.categories[near]]
        classes = np.where(rng.random(count) < 0.7, right, classes)
    scores = np.sort(rng.integers(0, 11, count) / 10)[::-1]
    return Boxes(loose, scores.astype(np.float32), classes.astype(np.int64))


def make_corners(rng, count):
    corner = rng.uniform(0, 400, (count, 2))
    side = np.exp(rng.uniform(np.log(6), np.log(240), (count, 2)))
    return np.round(np.concatenate([corner, corner + side], axis=1), 2).astype(np.float32)


def score_by_pycocotools(dataset, results):
    """Return the twelve COCO figures of detections in results form."""
    annotations = []
    for record in dataset.records:
        for box, category, crowd, area in zip(
            record.truth.xyxy.astype(float),
            record.truth.categories,
            record.truth.crowd,
            record.truth.area,
            strict=True,
        ):
            x, y, right, bottom = np.round(box, 3)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": record.id,
                    "category_id": int(category),
                    "bbox": [x, y, right - x, bottom - y],
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
    return stats_by_pycocotools(
        [r.id for r in dataset.records], [c.id for c in dataset.categories], annotations, results
    )


def stats_by_pycocotools(image_ids, category_ids, annotations, results):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": i} for i in image_ids],
            "categories": [{"id": c} for c in category_ids],
            "annotations": annotations,
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([dict(r) for r in results]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.fixture(scope="session")
def scene():
    """Return ``make_scene``."""
    return make_scene


@pytest.fixture(scope="session")
def coco_stats():
    """Return ``score_by_pycocotools``."""
    return score_by_pycocotools


@pytest.fixture(scope="session")
def raw_coco_stats():
    """Return ``stats_by_pycocotools``."""
    return stats_by_pycocotools


# Finds one box, always in the same place: class 0 as sure as the image is red, class 1 as blue.
FLOAT_DETECTOR = """
<ir_version: 8, opset_import: ["" : 17]>
detector (float[1, 3, 32, 32] image) => (float[1, 4, 1] boxes, float[1, 2, 1] scores)
<float[1, 4, 1] corners = {8, 8, 24, 24}, int64[2] red_and_blue = {0, 2}, int64[1] last = {3}> {
  mean = GlobalAveragePool (image)
  column = Squeeze (mean, last)
  scores = Gather <axis = 1> (column, red_and_blue)
  boxes = Identity (corners)
}
"""
U8_DETECTOR = """
<ir_version: 8, opset_import: ["" : 17]>
detector (uint8[1, 32, 32, 3] image) => (float[1, 4, 1] boxes, float[1, 2, 1] scores)
<float[1, 4, 1] corners = {8, 8, 24, 24}, int64[2] red_and_blue = {0, 2}, int64[1] last = {3},
 float full = {255}> {
  planes = Transpose <perm = [0, 3, 1, 2]> (image)
  pixels = Cast <to = 1> (planes)
  scaled = Div (pixels, full)
  mean = GlobalAveragePool (scaled)
  column = Squeeze (mean, last)
  scores = Gather <axis = 1> (column, red_and_blue)
  boxes = Identity (corners)
}
"""
COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}


def make_detector(folder, name="colours", kind="float-nchw"):
    path = folder / f"{name}.onnx"
    text = FLOAT_DETECTOR if kind == "float-nchw" else U8_DETECTOR
    onnx.save(onnx.parser.parse_model(text), path)
    boxes = View(output="boxes", axis=1, columns=(0, 4))
    scores = View(output="scores", axis=1, columns=(0, 2))
    return Candidate(
        name=name,
        backend=OnnxRuntime(threads=1),
        model=path,
        head=DecodedHead(input_hw=(32, 32), classes=2, parts=(Part(boxes=boxes, scores=scores),)),
        nms=NmsOptions(),
        preprocess=Preprocess((32, 32)),
        input=kind,
    )


def make_colour_images(folder, count):
    """Return labelled images, red and blue in turn, each with its object in the middle."""
    records = []
    for i in range(count):
        colour = ("red", "blue")[i % 2]
        path = folder / f"{colour}{i}.png"
        cv2.imwrite(str(path), np.full((64, 64, 3), COLOURS[colour][::-1], np.uint8))
        truth = Truth(
            xyxy=np.array([[16, 16, 48, 48]], np.float32),
            categories=np.array([1 + i % 2]),
            crowd=np.zeros(1, np.bool_),
            area=np.array([1024], np.float32),
        )
        records.append(ImageRecord(i + 1, path, (64, 64), truth))
    return Dataset("colours", tuple(records), (Category(1, "red"), Category(2, "blue")))


@pytest.fixture
def detector(tmp_path):
    """Return ``make(name, kind)``: a real candidate that tells red images from blue ones."""

    def make(name="colours", kind="float-nchw", **changes):
        return replace(make_detector(tmp_path, name, kind), **changes)

    return make


@pytest.fixture
def colour_images(tmp_path):
    """Return ``make(count)``: labelled images for the detector of colours."""
    return lambda count: make_colour_images(tmp_path, count)
