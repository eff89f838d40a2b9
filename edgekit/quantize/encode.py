"""From ranges and weights to integers: scale, zero point, rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgekit.values import Floats, Range

INT32_MAX = 2**31 - 1
CLIPS = np.linspace(0.5, 1.0, 26)


@dataclass(frozen=True)
class Encoding:
    """An unsigned 8-bit affine encoding: ``real = (integer - zero_point) * scale``."""

    scale: float
    zero_point: int


@dataclass(frozen=True, eq=False)
class EncodedWeight:
    """A weight as signed integers with one scale per output channel.

    Attributes:
        integers: int8, the shape of the weight.
        scales: ``(channels,)``.
        axis: The output channel axis.
    """

    integers: NDArray[np.int8]
    scales: Floats
    axis: int

    def reals(self) -> Floats:
        """Return the weight the integers stand for."""
        return self.integers.astype(np.float32) * _along(self.scales, self.axis, self.integers.ndim)


def encode_activation(span: Range) -> Encoding:
    """Return the 8-bit encoding of a range that contains zero."""
    width = max(span.high - span.low, 1e-8)
    scale = float(np.float32(width / 255))
    zero_point = int(np.clip(np.round(-span.low / scale), 0, 255))
    return Encoding(scale, zero_point)


def encode_weight(weight: Floats, axis: int, bits: int) -> EncodedWeight:
    """Return ``weight`` in ``bits`` bits, each channel clipped where its squared error is least.

    Args:
        weight: Any shape.
        axis: Output channel axis.
        bits: 8, or 7 where pairs of products are summed in 16 bits.
    """
    top = 2 ** (bits - 1) - 1
    channels = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float64)
    peak = np.maximum(np.abs(channels).max(axis=1), 1e-12)
    best = np.full(len(channels), np.inf)
    scales = peak / top
    for clip in CLIPS:
        trial = peak * clip / top
        rounded = np.clip(np.round(channels / trial[:, None]), -top, top) * trial[:, None]
        error = ((rounded - channels) ** 2).sum(axis=1)
        scales = np.where(error < best, trial, scales)
        best = np.minimum(error, best)
    scales32 = scales.astype(np.float32)
    steps = weight / _along(scales32, axis, weight.ndim)
    integers = np.clip(np.round(steps), -top, top).astype(np.int8)
    return EncodedWeight(integers, scales32, axis)


def encode_bias(bias: Floats, scales: Floats) -> NDArray[np.int32]:
    """Return ``bias`` as 32-bit integers on ``scales``, those of the products it is added to."""
    steps = np.round(bias.astype(np.float64) / scales.astype(np.float64))
    return np.clip(steps, -INT32_MAX, INT32_MAX).astype(np.int32)


def encode_symmetric(array: Floats) -> tuple[NDArray[np.uint8], Encoding]:
    """Return a constant as unsigned integers around 128, and their encoding."""
    scale = float(np.float32(max(float(np.abs(array).max()), 1e-8) / 127))
    integers = np.clip(np.round(array / scale) + 128, 0, 255).astype(np.uint8)
    return integers, Encoding(scale, 128)


def _along(scales: Floats, axis: int, ndim: int) -> Floats:
    shape = [1] * ndim
    shape[axis] = -1
    return scales.reshape(shape)
