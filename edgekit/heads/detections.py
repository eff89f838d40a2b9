"""Detections that the network has picked itself: NMS-free heads and NMS inside the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.decoded import in_pixels
from edgekit.heads.scores import read
from edgekit.values import Boxes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import DetectionsHead


def decode(
    outputs: Mapping[str, NDArray[np.generic]], head: DetectionsHead, min_score: float
) -> Boxes:
    """Return the rows that score more than ``min_score``, boxes in pixels of the input."""
    scores = read(outputs, head.scores)[0]
    rows = np.flatnonzero(scores > max(min_score, 0))
    classes = np.rint(read(outputs, head.labels)[0, rows]).astype(np.int64)
    return Boxes(in_pixels(read(outputs, head.boxes)[:, rows].T, head), scores[rows], classes)
