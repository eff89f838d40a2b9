"""From ranges and weights to integers: scale, zero point, rounding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from onnx_ir import convenience

from edgekit.values import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.quantize.plan import Plan
    from edgekit.values import Floats, Graph, WeightRule

    Doubles = NDArray[np.float64]

BIAS_MAX = 2**30  # the other half of 32 bits is left to the products it is added to
PAIR_MAX = 32_767 // 255  # of two weights summed, times the largest u8, still in 16 bits
LEAST_HALF_SCALE = 2.0**-20  # float16 has steps of 2**-24 here: a scale is 3 % off at most
SHARES = np.linspace(0.5, 2.0, 76)  # scales tried: below 1 they clip, above they make room


@dataclass(frozen=True)
class Encoding:
    """An 8-bit affine encoding: ``real = (integer - zero_point) * scale``.

    Attributes:
        scale: What one step of the integers is.
        zero_point: The integer that stands for zero.
        signed: Whether the integers are -128..127, or else 0..255.
    """

    scale: float
    zero_point: int
    signed: bool = False

    @property
    def zero(self) -> np.uint8 | np.int8:
        """The integer that stands for zero, of the type of all."""
        return np.int8(self.zero_point) if self.signed else np.uint8(self.zero_point)


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


def encode_activation(span: Range, *, signed: bool = False) -> Encoding:
    """Return the 8-bit encoding of a range that contains zero.

    Args:
        span: The range.
        signed: Whether zero is the integer zero, so that as much is covered below as above, on a
            scale that 16-bit floats hold.
    """
    if signed:
        # One step less above zero than below: the middle of 255 steps is not a step.
        width = 2 * max(-span.low, span.high)
        return Encoding(float(_half_scales(np.float32(width / 255))), 0, signed=True)
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


def encodings_of(graph: Graph, plan: Plan, ranges: Mapping[str, Range]) -> dict[str, Encoding]:
    """Return the encoding of every leader of ``plan``: its own where it has one, or its range's.

    Integers of an image are unsigned: where others are signed, its range tells.
    """
    if plan.rules.signed:
        return {k: encode_activation(ranges[k], signed=True) for k in plan.leaders}
    values = convenience.create_value_mapping(graph.model.graph)
    return {
        leader: given_encoding(values[leader]) or encode_activation(ranges[leader])
        for leader in plan.leaders
    }


def encodings_of_values(plan: Plan, leaders: Mapping[str, Encoding]) -> dict[str, Encoding]:
    """Return the encoding of every encoded value of ``plan``, of those of its ``leaders``."""
    return {
        value: replace(leaders[link.leader], scale=leaders[link.leader].scale * link.factor)
        for value, link in plan.links.items()
    }


def smallest_scales(bias: Floats, input_scale: float) -> Floats:
    """Return the least weight scale of every channel at which its bias fits into 32 bits.

    A channel whose weights are almost zero would otherwise lose its bias.
    """
    return (np.abs(bias) / (BIAS_MAX * input_scale)).astype(np.float32)


def encode_weight(
    weight: Floats, axis: int, rule: WeightRule, smallest: Floats | float = 0.0
) -> EncodedWeight:
    """Return ``weight`` in integers, each channel scaled where its squared error is least.

    Args:
        weight: Any shape.
        axis: Output channel axis.
        rule: Which integers are allowed; see ``WeightRule``.
        smallest: No channel gets a scale below this, ``(channels,)``.
    """
    channels = np.moveaxis(weight, axis, 0)
    rows = channels.reshape(len(channels), -1).astype(np.float64)
    top = 63 if rule == "narrow" else 127
    peak = np.maximum(np.abs(rows).max(axis=1), 1e-12)
    scales, least = peak / 63, np.full(len(rows), np.inf)
    pairs = _pairs_of(rule)
    for share in SHARES if pairs else SHARES[SHARES <= 1]:
        trial = (peak * share / top).astype(np.float32)  # as stored: no later rounding moves it
        integers = _rounded(channels, trial, 0, top)
        error = ((integers.reshape(rows.shape) * trial[:, None] - rows) ** 2).sum(axis=1)
        allowed = _pairs_fit(pairs(integers)) if pairs else True
        better = (error < least) & allowed
        scales, least = np.where(better, trial, scales), np.where(better, error, least)
    scales = np.maximum(scales, smallest).astype(np.float32)
    return EncodedWeight(_rounded(weight, scales, axis, top).astype(np.int8), scales, axis)


def on_half_scales(weight: Floats, encoded: EncodedWeight) -> EncodedWeight:
    """Return ``weight`` in integers on scales next to those of ``encoded`` that float16 holds.

    A network in 16-bit floats then has the integers of the one in 32.
    """
    scales, axis = _half_scales(encoded.scales), encoded.axis
    return EncodedWeight(_rounded(weight, scales, axis, 127).astype(np.int8), scales, axis)


def _half_scales(scales: Floats | np.float32) -> Floats:
    """Return the nearest scales that float16 holds, none of them so small that it loses digits."""
    held: Floats = np.maximum(scales, LEAST_HALF_SCALE).astype(np.float16).astype(np.float32)
    return held


def _rounded(weight: Floats, scales: Floats | Doubles, axis: int, top: int) -> Doubles:
    steps = weight.astype(np.float64) / _along(scales.astype(np.float64), axis, weight.ndim)
    integers: Doubles = np.clip(np.round(steps), -top, top)
    return integers


def _pairs_of(rule: WeightRule) -> Callable[[Doubles], Doubles] | None:
    """Return what lays the weights of every channel out in the pairs whose products are summed."""
    return {"paired": _neighbours, "paired-channels": _neighbouring_channels}.get(rule)


def _neighbours(integers: Doubles) -> Doubles:
    """Return ``(channels, pairs, 2)``: a runtime that lays kernels out with the channels last."""
    rows = np.moveaxis(integers, 1, -1).reshape(len(integers), 1, -1)
    return _in_pairs(rows)


def _neighbouring_channels(integers: Doubles) -> Doubles:
    """Return ``(channels, pairs, 2)``: a runtime that fills every pixel up to whole pairs."""
    last = np.moveaxis(integers, 1, -1)
    return _in_pairs(last.reshape(len(last), -1, last.shape[-1]))


def _in_pairs(rows: Doubles) -> Doubles:
    filled = np.pad(rows, ((0, 0), (0, 0), (0, rows.shape[2] % 2)))
    return filled.reshape(len(rows), -1, 2)


def _pairs_fit(pairs: Doubles) -> NDArray[np.bool_]:
    """Return for each channel whether no two products that are summed in 16 bits can overflow."""
    above = np.maximum(pairs, 0).sum(axis=2).max(axis=1)
    below = np.maximum(-pairs, 0).sum(axis=2).max(axis=1)
    fits: NDArray[np.bool_] = np.maximum(above, below) <= PAIR_MAX
    return fits


def encode_bias(bias: Floats, scales: Floats) -> EncodedWeight:
    """Return ``bias`` in 32 bits on ``scales``, those of the products it is added to.

    It fits where the weight's scales are at least ``smallest_scales``.
    """
    integers = np.round(bias.astype(np.float64) / scales.astype(np.float64)).astype(np.int32)
    return EncodedWeight(integers, scales, 0)


def encode_symmetric(
    array: Floats, *, signed: bool = False
) -> tuple[NDArray[np.uint8] | NDArray[np.int8], Encoding]:
    """Return a constant as integers around zero, or around 128, and their encoding."""
    if signed:
        peak = float(np.abs(array).max(initial=0.0))
        encoding = encode_activation(Range(-peak, peak), signed=True)
        steps = np.clip(np.round(array / encoding.scale), -128, 127)
        return steps.astype(np.int8), encoding
    scale = float(np.float32(max(float(np.abs(array).max()), 1e-8) / 127))
    integers = np.clip(np.round(array / scale) + 128, 0, 255).astype(np.uint8)
    return integers, Encoding(scale, 128)


def _along(scales: Floats, axis: int, ndim: int) -> Floats:
    shape = [1] * ndim
    shape[axis] = -1
    return scales.reshape(shape)
