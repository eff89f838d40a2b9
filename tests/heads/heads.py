"""Small heads over outputs of random numbers."""

from __future__ import annotations

import numpy as np

from edgekit.heads.spec import (
    AnchorLevel,
    AnchorsHead,
    DecodedHead,
    DetectionsHead,
    DistancesHead,
    GridHead,
    Level,
    Part,
    View,
)

SIZE_HW = (32, 48)
STRIDE = 8
GRID_HW = (4, 6)
CELLS = 24


def view(start, stop, output="out", axis=1):
    return View(output=output, axis=axis, columns=(start, stop))


def distances_head(bins, classes=3, **changes):
    level = Level(
        boxes=view(0, 4 * bins),
        scores=view(4 * bins, 4 * bins + classes),
        stride=STRIDE,
        grid_hw=GRID_HW,
    )
    whole = {"activation": "sigmoid", **changes}
    return DistancesHead(input_hw=SIZE_HW, classes=classes, parts=(level,), bins=bins, **whole)


def anchors_head(classes=3, anchor_wh=(10.0, 20.0), **changes):
    level = AnchorLevel(
        boxes=view(0, 4),
        objectness=view(4, 5),
        scores=view(5, 5 + classes),
        stride=STRIDE,
        grid_hw=GRID_HW,
        anchor_wh=anchor_wh,
    )
    whole = {"activation": "sigmoid", "size": "squared-sigmoid", "xy_scale": 2.0, **changes}
    return AnchorsHead(input_hw=SIZE_HW, classes=classes, parts=(level,), **whole)


def grid_head(classes=3):
    level = Level(
        boxes=view(0, 4),
        objectness=view(4, 5),
        scores=view(5, 5 + classes),
        stride=STRIDE,
        grid_hw=GRID_HW,
    )
    return GridHead(input_hw=SIZE_HW, classes=classes, parts=(level,), activation="sigmoid")


def decoded_head(classes=3, **changes):
    part = Part(boxes=view(0, 4), scores=view(4, 4 + classes))
    return DecodedHead(input_hw=SIZE_HW, classes=classes, parts=(part,), **changes)


def detections_head(**changes):
    columns = {"boxes": view(0, 4, axis=2), "scores": view(4, 5, axis=2)}
    labels = view(5, 6, axis=2)
    return DetectionsHead(input_hw=SIZE_HW, classes=3, labels=labels, **columns, **changes)


HEADS = {
    "distances": distances_head(8),
    "plain distances": distances_head(1),
    "anchors": anchors_head(),
    "exponential anchors": anchors_head(size="exp", xy_scale=1.0),
    "grid": grid_head(),
    "decoded": decoded_head(),
    "detections": detections_head(),
}


def random_map(columns, seed=0):
    """``(1, columns, 4, 6)`` raw values."""
    return np.random.default_rng(seed).normal(size=(1, columns, *GRID_HW)).astype(np.float32)


def cells():
    """Row and column of every cell, in row-major order."""
    return [(y, x) for y in range(GRID_HW[0]) for x in range(GRID_HW[1])]


def logistic(x):
    return 1 / (1 + np.exp(-np.float64(x)))
