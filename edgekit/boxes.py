"""NumPy geometry of boxes: formats, overlap, clipping, non-maximum suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edgekit.values import Boxes, Floats, Ints


def cxcywh_from_xyxy(xyxy: Floats) -> Floats:
    """Return ``(N, 4)`` centre x, centre y, width, height of left, top, right, bottom."""
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def xyxy_from_cxcywh(cxcywh: Floats) -> Floats:
    """Return ``(N, 4)`` left, top, right, bottom of centre x, centre y, width, height."""
    center, half = cxcywh[:, :2], cxcywh[:, 2:] / 2
    return np.concatenate([center - half, center + half], axis=1)


def clip(xyxy: Floats, size_hw: tuple[int, int]) -> Floats:
    """Return the boxes with every corner moved inside an image of ``size_hw`` pixels."""
    height, width = size_hw
    limit = np.array([width, height, width, height], dtype=xyxy.dtype)
    return np.clip(xyxy, 0, limit)


def box_iou(a_xyxy: Floats, b_xyxy: Floats) -> Floats:
    """Return ``(N, M)`` intersection over union, in 0..1, of ``(N, 4)`` with ``(M, 4)`` boxes.

    A box without area overlaps nothing, itself included.
    """
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    inner = np.prod(np.maximum(high - low, 0), axis=2)
    union = _area(a_xyxy)[:, None] + _area(b_xyxy)[None, :] - inner
    iou: Floats = np.divide(inner, union, out=np.zeros_like(inner), where=inner > 0)
    return iou


def pair_up(iou: Floats, least: float) -> list[tuple[int, int]]:
    """Return pairs of a row and a column of ``iou``, those that overlap most first.

    Each row and each column is in one pair at most; equal overlaps are taken in row order.

    Args:
        iou: ``(N, M)`` overlaps; zero where two may not be paired.
        least: Smallest overlap of a pair, above 0.
    """
    rows, columns = np.nonzero(iou >= least)
    order = np.argsort(-iou[rows, columns], kind="stable")
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in pairs and column not in taken:
            pairs[row] = column
            taken.add(column)
    return list(pairs.items())


def nms(boxes: Boxes, iou: float, max_detections: int, *, class_aware: bool = True) -> Ints:
    """Return indices of the boxes that survive greedy suppression, strongest first.

    A box goes when it overlaps a stronger survivor of its class (of any class, unless
    ``class_aware``) by more than ``iou``. Equal scores keep their order.
    """
    classes = boxes.classes if class_aware else np.zeros_like(boxes.classes)
    by_class = np.lexsort((-boxes.scores, classes))
    xyxy, areas = boxes.xyxy[by_class], _area(boxes.xyxy[by_class])
    ends = np.searchsorted(classes[by_class], classes[by_class], side="right").tolist()
    alive = np.ones(len(by_class), dtype=bool)
    kept: list[int] = []
    # Walking by score and stopping at the limit leaves most weak boxes uncompared.
    for at in np.lexsort((by_class, -boxes.scores[by_class])).tolist():
        if len(kept) == max_detections:
            break
        if alive[at]:
            kept.append(at)
            rest = slice(at + 1, ends[at])
            alive[rest] &= _iou_with(xyxy[at], areas[at], xyxy[rest], areas[rest]) <= iou
    return by_class[np.array(kept, dtype=np.int64)]


def _iou_with(box: Floats, area: float, others: Floats, areas: Floats) -> Floats:
    low = np.maximum(others[:, :2], box[:2])
    high = np.minimum(others[:, 2:], box[2:])
    sides = np.maximum(high - low, 0)
    inner = sides[:, 0] * sides[:, 1]
    union = areas + area - inner
    iou: Floats = np.divide(inner, union, out=np.zeros_like(inner), where=inner > 0)
    return iou


def _area(xyxy: Floats) -> Floats:
    area: Floats = np.maximum(xyxy[:, 2] - xyxy[:, 0], 0) * np.maximum(xyxy[:, 3] - xyxy[:, 1], 0)
    return area
