"""Prove that decoding raw values in NumPy equals the network's own decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.probing.match_boxes import every_box
from edgekit.heads.scores import activate, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.probing.match_boxes import Match
    from edgekit.heads.spec import DenseHead
    from edgekit.values import Floats

_PIXELS = 0.05
_SCORE = 1e-5


def proves(match: Match, values: Mapping[str, NDArray[np.generic]]) -> bool:
    """Return whether both readings of ``values`` give the same boxes and scores.

    Args:
        match: The network's own decode and the one that would replace it.
        values: Raw values and what the network makes of them.
    """
    assert match.cut is not None
    rows = match.predictions
    own_boxes, cut_boxes = every_box(values, match.own), every_box(values, match.cut)[rows]
    own_scores, cut_scores = _scores(values, match.own), _scores(values, match.cut)[:, rows]
    same_boxes = np.allclose(own_boxes, cut_boxes, rtol=1e-3, atol=_PIXELS)
    return same_boxes and np.allclose(own_scores, cut_scores, atol=_SCORE)


def _scores(outputs: Mapping[str, NDArray[np.generic]], head: DenseHead) -> Floats:
    parts = []
    for part in head.parts:
        scores = activate(read(outputs, part.scores), head.activation)
        if part.objectness is not None:
            scores = scores * activate(read(outputs, part.objectness), head.activation)
        parts.append(scores)
    return np.concatenate(parts, axis=1)
