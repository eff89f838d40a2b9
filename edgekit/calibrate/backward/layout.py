"""Gradients of operators that move values without changing them, and of means and sums."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.calibrate.backward.adjoint import Adjoint

    Gradients = list[ir.Value | None]


def reshape(a: Adjoint) -> Gradients:
    """The same values in another shape: Reshape, Flatten, Squeeze, Unsqueeze."""
    back = a.reshaped(a.dy, a.shape(a.x()))
    return [back, *[None] * (len(a.node.inputs) - 1)]


def transpose(a: Adjoint) -> Gradients:
    """Axes in another order."""
    rank = len(a.shape(a.x()))
    order = a.ints("perm", range(rank)[::-1])
    return [a.op("Transpose", a.dy, perm=[int(i) for i in np.argsort(order)])]


def expand(a: Adjoint) -> Gradients:
    """Values repeated along axes."""
    return [a.summed_to(a.dy, a.shape(a.y), a.x()), None]


def concat(a: Adjoint) -> Gradients:
    """Values beside one another."""
    axis = a.node.attributes["axis"].as_int()
    lengths = [a.shape(a.x(i))[axis] for i in range(len(a.node.inputs))]
    if len(lengths) == 1:
        return [a.dy]
    return list(a.ops("Split", [a.dy, a.whole(lengths)], len(lengths), axis=axis))


def split(a: Adjoint) -> Gradients:
    """Values taken apart."""
    axis = a.node.attributes.get_int("axis", 0)
    parts = [
        a.constant(np.zeros(a.shape(output), np.float32)) if gradient is None else gradient
        for output, gradient in zip(a.node.outputs, a.gradients, strict=True)
    ]
    return [a.op("Concat", *parts, axis=axis), *[None] * (len(a.node.inputs) - 1)]


def take_slice(a: Adjoint) -> Gradients:
    """A part of the values: the rest has no gradient.

    Raises:
        LookupError: The limits are computed, or values are skipped.
    """
    shape = a.shape(a.x())
    starts, ends = a.array(1), a.array(2)
    steps = a.array(4) if a.has(4) else np.array([1])
    if starts is None or ends is None or steps is None or (steps != 1).any():
        raise LookupError("a slice with steps or computed limits")
    axes = a.array(3) if a.has(3) else np.arange(len(starts))
    assert axes is not None
    before, after = [0] * len(shape), [0] * len(shape)
    for axis, start, end in zip(axes.tolist(), starts.tolist(), ends.tolist(), strict=True):
        first, last, _ = slice(start, end).indices(shape[axis])
        before[axis], after[axis] = first, shape[axis] - last
    padded = a.op("Pad", a.dy, a.whole([*before, *after]), a.number(0))
    return [padded, *[None] * (len(a.node.inputs) - 1)]


def pad(a: Adjoint) -> Gradients:
    """Values with a constant around them.

    Raises:
        LookupError: The padding mirrors values, is computed, or crops.
    """
    mode = a.node.attributes.get_string("mode", "constant")
    pads = a.array(1)
    if mode != "constant" or pads is None or min(pads.tolist()) < 0 or a.has(3):
        raise LookupError("a padding of another kind")
    shape = a.shape(a.x())
    starts = pads.reshape(2, -1)[0]
    ends = a.whole([int(s) + n for s, n in zip(starts, shape, strict=True)])
    axes = a.whole(range(len(shape)))
    inner = a.op("Slice", a.dy, a.whole(starts.tolist()), ends, axes)
    return [inner, *[None] * (len(a.node.inputs) - 1)]


def mean(a: Adjoint) -> Gradients:
    """The mean over some axes: GlobalAveragePool, ReduceMean."""
    shared = prod(a.shape(a.x())) / prod(a.shape(a.y))
    return _spread(a, a.op("Div", a.dy, a.number(shared)))


def total(a: Adjoint) -> Gradients:
    """The sum over some axes."""
    return _spread(a, a.dy)


def depth_to_space(a: Adjoint) -> Gradients:
    """Channels laid out as blocks of pixels.

    Raises:
        LookupError: They are laid out column by column.
    """
    if a.node.attributes.get_string("mode", "DCR") != "DCR":
        raise LookupError("another order of channels")
    return [a.op("SpaceToDepth", a.dy, blocksize=a.node.attributes["blocksize"].as_int())]


def space_to_depth(a: Adjoint) -> Gradients:
    """Blocks of pixels laid out as channels."""
    return [a.op("DepthToSpace", a.dy, blocksize=a.node.attributes["blocksize"].as_int())]


def _spread(a: Adjoint, gradient: ir.Value) -> Gradients:
    """Return ``gradient`` repeated over the axes that were summed away."""
    shape = a.shape(a.x())
    kept = a.shape(a.y)
    if len(kept) != len(shape):
        axes = _summed_axes(a, len(shape))
        kept = tuple(1 if axis in axes else n for axis, n in enumerate(shape))
        gradient = a.reshaped(gradient, kept)
    spread = a.op("Expand", gradient, a.whole(shape))
    return [spread, *[None] * (len(a.node.inputs) - 1)]


def _summed_axes(a: Adjoint, rank: int) -> set[int]:
    given = a.array(1)
    axes = a.ints("axes", range(rank)) if given is None else given.tolist()
    return {axis % rank for axis in axes}
