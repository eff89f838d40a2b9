"""Boxes as offsets from the cell's corner and exponential sizes, without anchors.

Source:
    Ge et al., "YOLOX" (2021), section 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.boxes import xyxy_from_cxcywh
from edgekit.heads.distances import cells_xy
from edgekit.heads.scores import exponential, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import Level
    from edgekit.values import Floats, Ints


def boxes_xyxy(outputs: Mapping[str, NDArray[np.generic]], part: Level, rows: Ints) -> Floats:
    """Return ``(N, 4)`` boxes in pixels of the input."""
    raw = read(outputs, part.boxes)[:, rows].T
    cxcywh = np.concatenate([cells_xy(part, rows) + raw[:, :2], exponential(raw[:, 2:])], axis=1)
    return xyxy_from_cxcywh(cxcywh * np.float32(part.stride))
