"""Read views of outputs, and find the predictions that score enough before any box is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.spec import DecodedHead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import Activation, DenseHead, Part, View
    from edgekit.values import Floats, Ints

_EXPONENT_LIMIT = np.float32(30)
_LOGIT_FLOOR = np.float32(-80)  # below it, float32 exp(-x) overflows


@dataclass(frozen=True, eq=False)
class Candidates:
    """Class candidates of one part, those of a prediction next to each other.

    Attributes:
        rows: ``(M,)`` index of the prediction.
        classes: ``(M,)`` index of the class.
        scores: ``(M,)`` confidence in 0..1.
    """

    rows: Ints
    classes: Ints
    scores: Floats


def read(outputs: Mapping[str, NDArray[np.generic]], view: View) -> Floats:
    """Return ``(columns, rows)`` of ``view``, without copying where the layout allows."""
    array = np.moveaxis(outputs[view.output], view.axis, 0)
    table = array.reshape(array.shape[0], -1)[slice(*view.columns)]
    rows = table if view.rows is None else table[:, slice(*view.rows)]
    return rows.astype(np.float32, copy=False)


def candidates(
    outputs: Mapping[str, NDArray[np.generic]], part: Part, head: DenseHead, min_score: float
) -> Candidates:
    """Return every (prediction, class) of ``part`` that scores more than ``min_score``."""
    scores = read(outputs, part.scores)
    if isinstance(head, DecodedHead) and head.background is not None:
        objects = np.delete(activate(scores, head.activation), head.background, axis=0)
        return _above(np.arange(objects.shape[1]), objects, min_score)
    bound = threshold_before(head.activation, min_score)
    if part.objectness is None:
        rows = np.flatnonzero((scores > bound).any(axis=0))
        return _above(rows, activate(scores[:, rows], head.activation), min_score)
    objectness = read(outputs, part.objectness)[0]
    # A class score is at most 1, so the product cannot pass where objectness does not.
    rows = np.flatnonzero(objectness > bound)
    product = activate(scores[:, rows], head.activation) * activate(
        objectness[rows], head.activation
    )
    return _above(rows, product, min_score)


def class_scores(
    outputs: Mapping[str, NDArray[np.generic]], part: Part, head: DenseHead, rows: Ints
) -> Floats:
    """Return ``(N, K)`` confidence in 0..1 of some rows of ``part``, by index, in every class."""
    scores = activate(read(outputs, part.scores)[:, rows], head.activation)
    if isinstance(head, DecodedHead) and head.background is not None:
        scores = np.delete(scores, head.background, axis=0)
    if part.objectness is not None:
        scores = scores * activate(read(outputs, part.objectness)[:, rows], head.activation)
    return np.ascontiguousarray(scores.T)


def activate(raw: Floats, activation: Activation) -> Floats:
    """Return ``raw`` after its activation."""
    return sigmoid(raw) if activation == "sigmoid" else raw


def sigmoid(raw: Floats) -> Floats:
    """Return the logistic function, without overflow at either end."""
    result: Floats = np.reciprocal(1 + np.exp(-np.maximum(raw, _LOGIT_FLOOR)))
    return result


def exponential(raw: Floats) -> Floats:
    """Return ``exp(raw)``, at most a size no image has, so that areas stay finite."""
    return np.exp(np.minimum(raw, _EXPONENT_LIMIT))


def softmax(raw: Floats, axis: int) -> Floats:
    """Return shares along ``axis`` that sum to 1."""
    powers = np.exp(raw - raw.max(axis=axis, keepdims=True))
    result: Floats = powers / powers.sum(axis=axis, keepdims=True)
    return result


def threshold_before(activation: Activation, min_score: float) -> float:
    """Return what a value must exceed before ``activation`` to exceed ``min_score`` after."""
    if activation == "none":
        return min_score
    if min_score <= 0:
        return -math.inf
    return math.log(min_score / (1 - min_score)) if min_score < 1 else math.inf


def _above(rows: Ints, scores: Floats, min_score: float) -> Candidates:
    by_row = np.ascontiguousarray(scores.T)
    at, classes = np.nonzero(by_row > min_score)
    return Candidates(rows[at], classes, by_row[at, classes])
