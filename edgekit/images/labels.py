"""Annotated boxes as they should be: clipped to the image, nonsense dropped, each fault counted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgekit.values import Truth

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

# Annotation tools round coordinates; only more than this counts as out of the image.
ROUNDING_PX = 0.5
# Beyond any image, and its square still within float32.
FARTHEST_PX = 1e9


@dataclass(frozen=True)
class Label:
    """One annotated object as a file states it.

    Attributes:
        xyxy: Left, top, right, bottom in pixels.
        category: Category id of the data set.
        crowd: Whether the box covers a group, or an object that must not count as missed.
        area: Object area in square pixels; ``None`` takes the box's.
    """

    xyxy: tuple[float, float, float, float]
    category: int
    crowd: bool = False
    area: float | None = None


def truth_from_labels(
    labels: Iterable[Label], size_hw: tuple[int, int] | None, faults: Counter[str]
) -> Truth:
    """Return the usable labels of one image as arrays; ``faults`` is counted up.

    Args:
        labels: What the file says.
        size_hw: Height and width of the image, in pixels; ``None`` leaves boxes unclipped.
        faults: Gains ``degenerate-box``, ``box-outside-image``, ``box-clipped``,
            ``duplicate-box`` and ``crowd-box``.
    """
    kept: dict[Label, None] = {}
    for label in labels:
        mended = _mend(label, size_hw, faults)
        if mended in kept:
            faults["duplicate-box"] += 1
        elif mended is not None:
            kept[mended] = None
            faults["crowd-box"] += mended.crowd
    if not kept:
        faults["image-without-objects"] += 1
    return _arrays(tuple(kept))


def _mend(label: Label, size_hw: tuple[int, int] | None, faults: Counter[str]) -> Label | None:
    left, top, right, bottom = label.xyxy
    if not all(abs(v) < FARTHEST_PX for v in label.xyxy) or right <= left or bottom <= top:
        faults["degenerate-box"] += 1
        return None
    if size_hw is None:
        return label
    height, width = size_hw
    clipped = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
    if clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
        faults["box-outside-image"] += 1
        return None
    if any(abs(a - b) > ROUNDING_PX for a, b in zip(clipped, label.xyxy, strict=True)):
        faults["box-clipped"] += 1
    return replace(label, xyxy=clipped)


def _arrays(labels: tuple[Label, ...]) -> Truth:
    xyxy = np.array([label.xyxy for label in labels], np.float32).reshape(-1, 4)
    sides = xyxy[:, 2:] - xyxy[:, :2]
    stated = [math.nan if label.area is None else label.area for label in labels]
    area = np.where(np.isnan(stated), sides.prod(axis=1), stated).astype(np.float32)
    return Truth(
        xyxy=xyxy,
        categories=np.array([label.category for label in labels], np.int64),
        crowd=np.array([label.crowd for label in labels], np.bool_),
        area=area,
    )
