"""Which outputs of a network matter, as seeds of a gradient.

An error somewhere in a network matters by what it does to the predictions, not by its size.
With signs of chance in front of every score and every side of a box, the square of the gradient of
their sum is on average the sum of the squares of all their gradients.

Source:
    Hutchinson, "A stochastic estimator of the trace of the influence matrix" (1990).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.decode import boxes_xyxy
from edgekit.heads.scores import activate, class_scores, read
from edgekit.heads.spec import DecodedHead, DetectionsHead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import DenseHead, HeadSpec, Part, View
    from edgekit.values import Floats, Ints

    Outputs = Mapping[str, NDArray[np.generic]]

FLOOR = 0.2  # weaker predictions are not looked at; benchmarks/range_choices.py compares
STEP = np.float32(0.01)


def prediction_seeds(
    outputs: Outputs, head: HeadSpec, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return the gradient of a sum of predictions, signs of chance before each, by output.

    Only predictions with a score above ``FLOOR`` count: what is far below it makes no detection.
    Scores count as they are, the sides of a box in its own size and by the root of its best score.

    Args:
        outputs: The network's outputs for one image.
        head: How to read them.
        rng: Draws the signs.

    Returns:
        An array of its output's shape for every output that ``head`` reads; none for a head that
        gives final detections, which have no gradients.
    """
    if isinstance(head, DetectionsHead):
        return {}
    seeds: dict[str, Floats] = {}
    for index, part in enumerate(head.parts):
        _seed_scores(outputs, part, head, rng, seeds)
        _seed_boxes(outputs, index, head, rng, seeds)
    return seeds


def _seed_scores(
    outputs: Outputs,
    part: Part,
    head: DenseHead,
    rng: np.random.Generator,
    seeds: dict[str, Floats],
) -> None:
    scores = activate(read(outputs, part.scores), head.activation)
    signs = _signs(scores.shape, rng)
    if isinstance(head, DecodedHead) and head.background is not None:
        signs[head.background] = 0
    if part.objectness is None:
        signs *= scores > FLOOR
        _add(seeds, outputs, part.scores, signs * _slope(scores, head))
        return
    objectness = activate(read(outputs, part.objectness), head.activation)
    signs *= scores * objectness > FLOOR
    _add(seeds, outputs, part.scores, signs * _slope(scores, head) * objectness)
    shared = (signs * scores).sum(axis=0, keepdims=True) * _slope(objectness, head)
    _add(seeds, outputs, part.objectness, shared)


def _seed_boxes(
    outputs: Outputs,
    part: int,
    head: DenseHead,
    rng: np.random.Generator,
    seeds: dict[str, Floats],
) -> None:
    view = head.parts[part].boxes
    everything = np.arange(read(outputs, view).shape[1])
    best = np.nan_to_num(class_scores(outputs, head.parts[part], head, everything)).max(axis=1)
    rows = np.flatnonzero(best > FLOOR)
    if rows.size == 0:
        return
    boxes = boxes_xyxy(outputs, head, part, rows)
    size = np.sqrt(np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1e-6))
    weights = _signs(boxes.shape, rng) * (np.sqrt(best[rows]) / size)[:, None]
    slopes = np.zeros((view.columns[1] - view.columns[0], len(everything)), np.float32)
    slopes[:, rows] = _box_slopes(outputs, part, head, rows, weights)
    _add(seeds, outputs, view, slopes)


def _box_slopes(
    outputs: Outputs, part: int, head: DenseHead, rows: Ints, weights: Floats
) -> Floats:
    """Return ``(columns, N)``: how the weighted sum of each row's sides follows its columns.

    Rows do not depend on each other, so that one step of a column tells of all of them.
    """
    view = head.parts[part].boxes
    moved = dict(outputs)
    array = np.moveaxis(outputs[view.output], view.axis, 0).astype(np.float32)
    moved[view.output] = np.moveaxis(array, 0, view.axis)
    slopes = []
    for column in range(*view.columns):
        before = array[column].copy()
        sums = []
        for step in (STEP, -STEP):
            array[column] = before + step
            sums.append((boxes_xyxy(moved, head, part, rows) * weights).sum(axis=1))
        array[column] = before
        slopes.append((sums[0] - sums[1]) / (2 * STEP))
    return np.stack(slopes)


def _slope(scores: Floats, head: DenseHead) -> Floats:
    """Return the slope of the scores' activation, from the scores behind it."""
    if head.activation == "none":
        return np.ones_like(scores)
    slope: Floats = scores * (1 - scores)
    return slope


def _signs(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    signs: Floats = rng.integers(0, 2, shape).astype(np.float32) * 2 - 1
    return signs


def _add(seeds: dict[str, Floats], outputs: Outputs, view: View, slopes: Floats) -> None:
    """Add ``slopes``, ``(columns, rows)``, to the seed of the output they are of."""
    output = outputs[view.output]
    moved = np.zeros(np.moveaxis(output, view.axis, 0).shape, np.float32)
    table = moved.reshape(len(moved), -1)
    rows = slice(None) if view.rows is None else slice(*view.rows)
    table[slice(*view.columns), rows] = slopes
    seed = np.moveaxis(moved, 0, view.axis)
    seeds[view.output] = seeds.get(view.output, np.float32(0)) + seed
