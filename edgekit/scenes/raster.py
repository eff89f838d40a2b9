"""Resampling, blurring and blending in NumPy, bit for bit the same on every machine.

Image libraries pick instructions by processor and round differently. Here every operation is one
that IEEE 754 fixes to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""``(H, W)``, or ``(H, W, 3)`` in RGB."""


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels, right and bottom excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """In square pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns, to index a picture with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def common_area(self, other: Box) -> int:
        """Return the area of the intersection with ``other``."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0) * max(height, 0)

    def iou(self, other: Box) -> float:
        """Return intersection over union with ``other``."""
        common = self.common_area(other)
        return common / (self.area + other.area - common)


def resized(picture: Plane, size_hw: tuple[int, int]) -> Plane:
    """Return ``picture`` stretched to ``size_hw``, bilinear, pixel centres aligned."""
    rows = _axis(picture.shape[0], size_hw[0])
    cols = _axis(picture.shape[1], size_hw[1])
    tall = _mixed(picture, rows, 0)
    return _mixed(tall, cols, 1)


def halved(picture: Plane) -> Plane:
    """Return ``picture`` at half the size, each pixel the mean of four."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    even = picture[:height, :width]
    quarter = np.float32(0.25)
    mean: Plane = quarter * (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])
    return mean


def blurred(picture: Plane, passes: int) -> Plane:
    """Return ``picture`` after ``passes`` of the kernel (1, 2, 1) / 4 along both axes."""
    for _ in range(passes):
        for axis in (0, 1):
            before = np.roll(picture, 1, axis)
            after = np.roll(picture, -1, axis)
            _edge(before, axis, 0)[...] = _edge(picture, axis, 0)
            _edge(after, axis, -1)[...] = _edge(picture, axis, -1)
            picture = np.float32(0.25) * (before + after) + np.float32(0.5) * picture
    return picture


@dataclass(frozen=True)
class Pose:
    """How a shape is drawn: scaled first, then sheared, then turned, all about its centre.

    Attributes:
        height_px: Height of the whole shape, in pixels, before it is turned.
        aspect: Width over height, times those of the shape itself.
        shear: How far a pixel moves to the right per pixel that it lies below the centre.
        degrees: Turn, clockwise as one looks at the picture.
    """

    height_px: float
    aspect: float = 1.0
    shear: float = 0.0
    degrees: float = 0.0


def posed(mask: Plane, pose: Pose) -> Plane:
    """Return ``mask`` drawn in ``pose``, in a picture just large enough for it.

    Args:
        mask: ``(H, W)`` opacity in 0..1, nothing at its border.
        pose: Its height is that of the whole mask.
    """
    while mask.shape[0] >= 2 * pose.height_px:
        mask = halved(mask)
    scale_y = pose.height_px / mask.shape[0]
    scale_x = scale_y * pose.aspect
    # Rounded, so that no mathematics library's last bit reaches a pixel.
    cosine = round(math.cos(math.radians(pose.degrees)), 9)
    sine = round(math.sin(math.radians(pose.degrees)), 9)
    half_x = 0.5 * (mask.shape[1] * scale_x + abs(pose.shear) * mask.shape[0] * scale_y)
    half_y = 0.5 * mask.shape[0] * scale_y
    reach_x = math.ceil(abs(cosine) * half_x + abs(sine) * half_y)
    reach_y = math.ceil(abs(sine) * half_x + abs(cosine) * half_y)
    x = np.arange(-reach_x, reach_x + 1, dtype=np.float64)[None, :]
    y = np.arange(-reach_y, reach_y + 1, dtype=np.float64)[:, None]
    turned_x, turned_y = cosine * x + sine * y, cosine * y - sine * x
    source_x = (turned_x - pose.shear * turned_y) / scale_x + 0.5 * (mask.shape[1] - 1)
    source_y = turned_y / scale_y + 0.5 * (mask.shape[0] - 1)
    return _sampled(mask, source_x, source_y)


def ink_box(mask: Plane, threshold: float) -> Box | None:
    """Return the smallest box around all of ``mask`` above ``threshold``, or ``None``."""
    inked = mask > threshold
    rows, cols = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return None
    return Box(int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1)


def _sampled(mask: Plane, source_x: NDArray[np.float64], source_y: NDArray[np.float64]) -> Plane:
    padded = np.pad(mask, 1)
    x = np.clip(source_x + 1, 0, padded.shape[1] - 1.001)
    y = np.clip(source_y + 1, 0, padded.shape[0] - 1.001)
    left, top = x.astype(np.intp), y.astype(np.intp)
    part_x, part_y = (x - left).astype(np.float32), (y - top).astype(np.float32)
    upper = _between(padded[top, left], padded[top, left + 1], part_x)
    lower = _between(padded[top + 1, left], padded[top + 1, left + 1], part_x)
    return _between(upper, lower, part_y)


def _axis(size: int, wanted: int) -> tuple[NDArray[np.intp], Plane]:
    """Return the pixel before each wanted one, and how far it lies towards the next."""
    at = np.clip((np.arange(wanted) + 0.5) * (size / wanted) - 0.5, 0, size - 1)
    before = np.minimum(at.astype(np.intp), max(size - 2, 0))
    return before, (at - before).astype(np.float32)


def _mixed(picture: Plane, along: tuple[NDArray[np.intp], Plane], axis: int) -> Plane:
    before, part = along
    after = np.minimum(before + 1, picture.shape[axis] - 1)
    shape = [1] * picture.ndim
    shape[axis] = len(part)
    return _between(picture.take(before, axis), picture.take(after, axis), part.reshape(shape))


def _between(start: Plane, end: Plane, part: Plane) -> Plane:
    between: Plane = start * (1 - part) + end * part
    return between


def _edge(picture: Plane, axis: int, at: int) -> Plane:
    return picture[at] if axis == 0 else picture[:, at]
