"""Nearest upsampling by whole factors, written as copies of integers.

ONNX Runtime's Resize looks up every element of an image whose channels come last, as those of 8-bit
values do, and on one thread. To repeat a pixel is to copy all its channels at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_REPEATS = {  # coordinate and rounding modes by which row i is row i // factor of the input
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_ceil"),
    ("half_pixel", "round_prefer_floor"),
}
_CHANNELS_LAST, _CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def whole_factors(node: ir.Node) -> tuple[int, int] | None:
    """Return how often ``node`` repeats every row and every column; ``None`` if it is not that."""
    if node.op_type != "Resize" or "axes" in node.attributes:
        return None
    modes = (
        node.attributes.get_string("coordinate_transformation_mode", "half_pixel"),
        node.attributes.get_string("nearest_mode", "round_prefer_floor"),
    )
    if node.attributes.get_string("mode", "nearest") != "nearest" or modes not in _REPEATS:
        return None
    before, after = _shape(node.inputs[0]), _shape(node.outputs[0])
    factors = [b // a for a, b in zip(before, after, strict=True)]
    exact = [a * f for a, f in zip(before, factors, strict=True)] == after and min(factors) > 0
    if len(before) != 4 or factors[:2] != [1, 1] or not exact or not _scaled_by(node, factors):
        return None
    return factors[2], factors[3]


def repeated(
    integers: ir.Value,
    shape: Sequence[int],
    factors: tuple[int, int],
    constant: Callable[[str, Sequence[int]], ir.Value],
) -> list[ir.Node]:
    """Return the nodes that repeat rows and columns; the last one's output is the larger image.

    Args:
        integers: Of any type.
        shape: Its shape, N, C, H, W.
        factors: For rows and columns.
        constant: Makes an initializer, of what it is for and its integers.
    """
    n, c, h, w = shape
    down, right = factors
    last = _transposed(integers, _CHANNELS_LAST)
    apart = constant("apart", [n * h, 1, w, 1, c])
    rows = ir.node("Reshape", [last.outputs[0], apart])
    copies = constant("copies", [n * h, down, w, right, c])
    expanded = ir.node("Expand", [rows.outputs[0], copies])
    together = constant("together", [n, h * down, w * right, c])
    larger = ir.node("Reshape", [expanded.outputs[0], together])
    return [last, rows, expanded, larger, _transposed(larger.outputs[0], _CHANNELS_FIRST)]


def _transposed(value: ir.Value, perm: tuple[int, ...]) -> ir.Node:
    return ir.node("Transpose", [value], {"perm": perm})


def _shape(value: ir.Value | None) -> list[int]:
    assert value is not None
    assert value.shape is not None
    return list(value.shape.numpy())


def _scaled_by(node: ir.Node, factors: list[int]) -> bool:
    """Return whether the scales of ``node`` are ``factors``; sizes say nothing else."""
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if scales is None or scales.shape == (0,):
        return True
    tensor = scales.const_value
    return tensor is not None and bool(np.array_equal(tensor.numpy(), factors))
