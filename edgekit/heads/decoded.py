"""Boxes that the network has decoded itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.boxes import xyxy_from_cxcywh
from edgekit.heads.scores import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edgekit.heads.spec import BoxFormat, DecodedHead, DetectionsHead, Part
    from edgekit.values import Floats, Ints


def boxes_xyxy(
    outputs: Mapping[str, NDArray[np.generic]], part: Part, head: DecodedHead, rows: Ints
) -> Floats:
    """Return ``(N, 4)`` boxes in pixels of the input."""
    return in_pixels(read(outputs, part.boxes)[:, rows].T, head)


def in_pixels(stored: Floats, head: DecodedHead | DetectionsHead) -> Floats:
    """Return ``(N, 4)`` left, top, right, bottom in pixels of boxes as the network gives them."""
    height, width = head.input_hw
    xyxy = xyxy_from(np.ascontiguousarray(stored), head.box_format)
    return xyxy * np.array([width, height, width, height], np.float32) if head.normalised else xyxy


def xyxy_from(stored: Floats, box_format: BoxFormat) -> Floats:
    """Return ``(N, 4)`` left, top, right, bottom of boxes stored in ``box_format``."""
    if box_format == "cxcywh":
        return xyxy_from_cxcywh(stored)
    return stored[:, [1, 0, 3, 2]] if box_format == "yxyx" else stored
