"""From ranges and weights to integers: scale, zero point, rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.values import Floats, Range

BIAS_MAX = 2**30  # the other half of 32 bits is left to the products it is added to
CLIPS = np.linspace(0.5, 1.0, 26)


@dataclass(frozen=True)
class Encoding:
    """An unsigned 8-bit affine encoding: ``real = (integer - zero_point) * scale``."""

    scale: float
    zero_point: int


@dataclass(frozen=True, eq=False)
class EncodedWeight:
    """A weight or a bias as signed integers with one scale per output channel.

    Attributes:
        integers: The shape of the weight, int8; of the bias, int32.
        scales: ``(channels,)``.
        axis: The output channel axis.
    """

    integers: NDArray[np.int8] | NDArray[np.int32]
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


def given_encoding(value: ir.Value) -> Encoding | None:
    """Return the encoding that a DequantizeLinear gives ``value``; ``None`` if none makes it."""
    node = value.producer()
    if node is None or node.op_type != "DequantizeLinear":
        return None
    scale, zero_point = (v.const_value for v in node.inputs[1:] if v is not None)
    assert scale is not None
    assert zero_point is not None
    return Encoding(float(scale.numpy()), int(zero_point.numpy()))


def smallest_scales(bias: Floats, input_scale: float) -> Floats:
    """Return the least weight scale of every channel at which its bias fits into 32 bits.

    A channel whose weights are almost zero would otherwise lose its bias.
    """
    return (np.abs(bias) / (BIAS_MAX * input_scale)).astype(np.float32)


def encode_weight(
    weight: Floats, axis: int, bits: int, smallest: Floats | float = 0.0
) -> EncodedWeight:
    """Return ``weight`` in ``bits`` bits, each channel clipped where its squared error is least.

    Args:
        weight: Any shape.
        axis: Output channel axis.
        bits: 8, or 7 where pairs of products are summed in 16 bits.
        smallest: No channel gets a scale below this, ``(channels,)``.
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
    scales32 = np.maximum(scales, smallest).astype(np.float32)
    steps = weight / _along(scales32, axis, weight.ndim)
    integers = np.clip(np.round(steps), -top, top).astype(np.int8)
    return EncodedWeight(integers, scales32, axis)


def encode_bias(bias: Floats, scales: Floats) -> EncodedWeight:
    """Return ``bias`` in 32 bits on ``scales``, those of the products it is added to.

    It fits where the weight's scales are at least ``smallest_scales``.
    """
    integers = np.round(bias.astype(np.float64) / scales.astype(np.float64)).astype(np.int32)
    return EncodedWeight(integers, scales, 0)


def encode_symmetric(array: Floats) -> tuple[NDArray[np.uint8], Encoding]:
    """Return a constant as unsigned integers around 128, and their encoding."""
    scale = float(np.float32(max(float(np.abs(array).max()), 1e-8) / 127))
    integers = np.clip(np.round(array / scale) + 128, 0, 255).astype(np.uint8)
    return integers, Encoding(scale, 128)


def _along(scales: Floats, axis: int, ndim: int) -> Floats:
    shape = [1] * ndim
    shape[axis] = -1
    return scales.reshape(shape)
