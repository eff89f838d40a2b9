"""Boxes as distances from the cell's centre to the four sides.

Source:
    Li et al., "Generalized Focal Loss" (NeurIPS 2020), section 3: a distance is the mean of a
    distribution over equally spaced bins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.scores import read, softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import DistancesHead, Level
    from edgekit.values import Floats, Ints


def boxes_xyxy(
    outputs: Mapping[str, NDArray[np.generic]], level: Level, head: DistancesHead, rows: Ints
) -> Floats:
    """Return ``(N, 4)`` boxes in pixels of the input."""
    left_top_right_bottom = _distances(read(outputs, level.boxes)[:, rows], head.bins)
    center = cells_xy(level, rows) + np.float32(head.center)
    low, high = left_top_right_bottom[:, :2], left_top_right_bottom[:, 2:]
    xyxy: Floats = np.concatenate([center - low, center + high], axis=1) * np.float32(level.stride)
    return xyxy


def cells_xy(level: Level, rows: Ints) -> Floats:
    """Return ``(N, 2)`` column and row of each cell, in strides."""
    y, x = np.divmod(rows, level.grid_hw[1])
    return np.stack([x, y], axis=1).astype(np.float32)


def _distances(raw: Floats, bins: int) -> Floats:
    if bins == 1:
        return raw.T
    shares = softmax(raw.reshape(4, bins, -1), axis=1)
    distances: Floats = np.tensordot(np.arange(bins, dtype=np.float32), shares, (0, 1)).T
    return distances
