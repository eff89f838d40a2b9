"""Boxes relative to anchors.

Source:
    Redmon and Farhadi, "YOLOv3" (2018), section 2.1, for the exponential sizes; Bochkovskiy et
    al., "YOLOv4" (2020), section 3.4, for the scaled centre. The squared sigmoid is YOLOv5's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.boxes import xyxy_from_cxcywh
from edgekit.heads.distances import cells_xy
from edgekit.heads.scores import exponential, read, sigmoid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import AnchorLevel, AnchorsHead
    from edgekit.values import Floats, Ints


def boxes_xyxy(
    outputs: Mapping[str, NDArray[np.generic]], part: AnchorLevel, head: AnchorsHead, rows: Ints
) -> Floats:
    """Return ``(N, 4)`` boxes in pixels of the input."""
    raw = read(outputs, part.boxes)[:, rows].T
    scale = np.float32(head.xy_scale if part.xy_scale is None else part.xy_scale)
    offset = _activated(raw[:, :2], head) * scale - (scale - 1) / 2
    center = (cells_xy(part, rows) + offset) * np.float32(part.stride)
    size = relative_size(raw[:, 2:], head) * np.array(part.anchor_wh, np.float32)
    return xyxy_from_cxcywh(np.concatenate([center, size], axis=1))


def relative_size(raw: Floats, head: AnchorsHead) -> Floats:
    """Return width and height, ``(N, 2)`` as ``raw`` is, in units of the anchor's."""
    if head.size == "exp":
        return exponential(raw)
    squared: Floats = (2 * _activated(raw, head)) ** 2
    return squared


def _activated(raw: Floats, head: AnchorsHead) -> Floats:
    return raw if head.boxes_activated else sigmoid(raw)
