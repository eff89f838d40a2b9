"""From the outputs of a network to boxes: every kind of head, before and after suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.boxes import nms
from edgekit.errors import StageError
from edgekit.heads import anchors, decoded, detections, distances, grid
from edgekit.heads.scores import candidates
from edgekit.heads.spec import (
    AnchorsHead,
    DecodedHead,
    DetectionsHead,
    DistancesHead,
    GridHead,
    NmsOptions,
)
from edgekit.values import Boxes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import DenseHead, HeadSpec
    from edgekit.values import Floats, Ints

_NMS_INPUT_LIMIT = 30_000


def decode(outputs: Mapping[str, NDArray[np.generic]], spec: HeadSpec, min_score: float) -> Boxes:
    """Return every candidate that scores more than ``min_score``, before suppression.

    A prediction that passes for several classes gives one candidate per class, one after
    another, with the same box: ``suppress`` keeps the best of them unless told ``multi_label``.

    Args:
        outputs: The network's outputs by name.
        spec: How to read them.
        min_score: Confidence in 0..1; boxes are computed only for what passes.

    Returns:
        Boxes in pixels of the network's input, not clipped.

    Raises:
        StageError: An output that ``spec`` reads is missing.
    """
    try:
        if isinstance(spec, DetectionsHead):
            return detections.decode(outputs, spec, min_score)
        return _joined([_decode_part(outputs, spec, i, min_score) for i in range(len(spec.parts))])
    except KeyError as err:
        msg = (
            f"The head reads output {err}, but the network gave {sorted(outputs)}. "
            "Decode the outputs of the graph that this head was found in."
        )
        raise StageError(msg) from err


def suppress(boxes: Boxes, options: NmsOptions) -> Boxes:
    """Return the detections among the candidates of ``decode``, strongest first."""
    strong = _take(boxes, np.flatnonzero(boxes.scores > options.min_score))
    if not options.multi_label:
        strong = _take(strong, _best_of_each_prediction(strong))
    if len(strong) > _NMS_INPUT_LIMIT:
        strong = _take(strong, np.argsort(-strong.scores, kind="stable")[:_NMS_INPUT_LIMIT])
    if options.iou >= 1:
        order = np.argsort(-strong.scores, kind="stable")[: options.max_detections]
        return _take(strong, order)
    kept = nms(strong, options.iou, options.max_detections, class_aware=options.class_aware)
    return _take(strong, kept)


def boxes_xyxy(
    outputs: Mapping[str, NDArray[np.generic]], spec: DenseHead, part: int, rows: Ints
) -> Floats:
    """Return ``(N, 4)`` boxes, in pixels of the input, of some rows of one part, by index."""
    match spec:
        case DecodedHead():
            return decoded.boxes_xyxy(outputs, spec.parts[part], spec, rows)
        case DistancesHead():
            return distances.boxes_xyxy(outputs, spec.parts[part], spec, rows)
        case AnchorsHead():
            return anchors.boxes_xyxy(outputs, spec.parts[part], spec, rows)
        case GridHead():
            return grid.boxes_xyxy(outputs, spec.parts[part], rows)


def _decode_part(
    outputs: Mapping[str, NDArray[np.generic]], spec: DenseHead, part: int, min_score: float
) -> Boxes:
    found = candidates(outputs, spec.parts[part], spec, min_score)
    unique, inverse = np.unique(found.rows, return_inverse=True)
    xyxy = boxes_xyxy(outputs, spec, part, unique)
    return Boxes(xyxy[inverse], found.scores, found.classes)


def _best_of_each_prediction(boxes: Boxes) -> Ints:
    if len(boxes) == 0:
        return np.zeros(0, dtype=np.int64)
    starts = np.concatenate([[True], (boxes.xyxy[1:] != boxes.xyxy[:-1]).any(axis=1)])
    prediction = np.cumsum(starts)
    by_score = np.lexsort((-boxes.scores, prediction))
    first = np.flatnonzero(np.diff(prediction[by_score], prepend=0))
    best: Ints = by_score[first]
    return best


def _take(boxes: Boxes, index: Ints) -> Boxes:
    return Boxes(boxes.xyxy[index], boxes.scores[index], boxes.classes[index])


def _joined(parts: list[Boxes]) -> Boxes:
    return Boxes(
        np.concatenate([p.xyxy for p in parts]),
        np.concatenate([p.scores for p in parts]),
        np.concatenate([p.classes for p in parts]),
    )
