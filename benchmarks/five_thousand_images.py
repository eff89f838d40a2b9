"""How long it takes to score two models on 5,000 images, with the interval of what is lost.

Usage: python benchmarks/five_thousand_images.py

The 327 images of coco-train-mini and coco-val-mini, with what yolov8n really finds there in FP32
and in edgekit's INT8 (down to confidence 0.001, at most 300 an image), are repeated until there are
as many as in COCO's own validation set. Each copy has confidences and boxes a little changed, so
that no two are alike. Runs on two cores. Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.images.classes import match_classes
from edgekit.measure.accuracy import Detections, matched, score_matched
from edgekit.measure.machine import describe_machine
from edgekit.measure.statistics import map_drop_interval

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from bootstrap_coverage import CLASSES, INT8, real_detections  # noqa: E402
from committed import commit  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.values import Boxes, Dataset

RESULT = HERE / "results" / "five_thousand_images.json"
IMAGES, CORES = 5000, 2
MODEL = "yolov8n"


def main() -> None:
    """Score, and write the result."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    images, found = repeated(*real_detections(MODEL, INT8))
    names = match_classes((), images.categories, CLASSES)
    ids = [r.id for r in images.records]
    seconds: dict[str, float] = {}
    with timed(seconds, "match"):
        both = [matched(f, images, names, ids) for f in found]
    with timed(seconds, "score"):
        accuracies = [score_matched(m) for m in both]
    with timed(seconds, "bootstrap"):
        drop = map_drop_interval(both[0].matches, both[1].matches)
    result = {
        "commit": commit(),
        "machine": vars(describe_machine()),
        "model": MODEL,
        "images": len(ids),
        "categories": len(images.categories),
        "objects": int((~both[0].truth.crowd).sum()),
        "detections": [len(m.found.scores) for m in both],
        "map": [round(a.map, 4) for a in accuracies],
        "map_drop_points": [round(x, 3) for x in (drop.value, drop.low, drop.high)],
        "resamples": 1000,
        "cores": CORES,
        "seconds": {**seconds, "total": round(sum(seconds.values()), 1)},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


@contextmanager
def timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Add what the block took."""
    start = time.perf_counter()
    yield
    seconds[step] = round(time.perf_counter() - start, 1)


def repeated(images: Dataset, found: list[Detections]) -> tuple[Dataset, list[Detections]]:
    """Return as many images as wanted, copies of those given, and what is found in each."""
    first = [images.records[n % len(images.records)] for n in range(IMAGES)]
    records = tuple(replace(r, id=n) for n, r in enumerate(first, start=1))
    copies = [
        Detections(
            model.candidate,
            {n: changed(model.boxes[r.id], n) for n, r in enumerate(first, start=1)},
        )
        for model in found
    ]
    return replace(images, records=records), copies


def changed(boxes: Boxes, seed: int) -> Boxes:
    """Return the boxes moved by some pixels and a little more or less sure, strongest first."""
    rng = np.random.default_rng(seed)
    logits = np.log(boxes.scores / np.maximum(1 - boxes.scores, 1e-6)) + rng.normal(0, 0.1)
    moved = boxes.xyxy + rng.normal(0, 1, boxes.xyxy.shape)
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return replace(boxes, xyxy=moved.astype(np.float32), scores=scores)


if __name__ == "__main__":
    main()
