"""Linear branches over one image, and when two of them are one convolution.

A branch is a Conv, a batch normalization on its own, or the image as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edgekit.reparam.algebra import (
    Linear,
    batchnorm_branch,
    identity_branch,
    regroup,
    spread,
)
from edgekit.reparam.layers import batchnorm_of, linear_of, set_linear

if TYPE_CHECKING:
    from edgekit.reparam.algebra import Doubles, Indices


@dataclass(frozen=True)
class Taps:
    """Where a kernel reads along one axis of the image.

    Output ``o`` reads inputs ``o * stride + first + step * j``, ``j`` in ``0 .. count - 1``;
    what lies outside the image is zero.

    Attributes:
        stride: From one output to the next, in inputs.
        outputs: How many outputs there are.
        first: The first input read for output 0; minus the padding before the image.
        step: The dilation; 0 where there is a single tap.
        count: Size of the kernel.
        after: Padding behind the image.
    """

    stride: int
    outputs: int
    first: int = 0
    step: int = 0
    count: int = 1
    after: int = 0

    @property
    def last(self) -> int:
        """The last input read for output 0."""
        return self.first + self.step * (self.count - 1)

    def union(self, other: Taps) -> Taps:
        """Return the fewest evenly spaced taps that read all that both read.

        Whichever reaches further on a side brings its padding there: with it the number of
        outputs stays, which both must share, as they must the stride.
        """
        first = min(self.first, other.first)
        far = max(self, other, key=lambda taps: taps.last)
        step = gcd(self.step, other.step, self.first - other.first)
        count = (far.last - first) // step + 1 if step else 1
        return Taps(self.stride, self.outputs, first, step, count, far.after)

    def places(self, whole: Taps) -> Indices:
        """Return which taps of ``whole``, a union that these went into, these are."""
        inputs = self.first + self.step * np.arange(self.count)
        return (inputs - whole.first) // max(whole.step, 1)


@dataclass(frozen=True, eq=False)
class Branch:
    """One term of a sum, or several already joined, as a convolution.

    Attributes:
        name: What messages call it.
        source: The image.
        node: The largest Conv among them; ``None`` where there is none.
        leaves: The terms of the sum it stands for.
        layer: Kernel ``(out, in / groups, kh, kw)`` and bias ``(out,)``.
        groups: Of the convolution.
        rows: Where the kernel reads along the height.
        cols: Where it reads along the width.
    """

    name: str
    source: ir.Value
    node: ir.Node | None
    leaves: tuple[ir.Value, ...]
    layer: Linear
    groups: int
    rows: Taps
    cols: Taps

    @property
    def macs(self) -> int:
        """Multiply-accumulates per output pixel; an identity's are its additions."""
        return self.layer.weight.size

    @property
    def outputs(self) -> int:
        """Number of output channels."""
        return len(self.layer.bias)


def branch_of(leaf: ir.Value, source: ir.Value) -> Branch:
    """Return the branch that ``leaf`` is: a Conv or batch normalization of ``source``, or itself.

    Weights and statistics are constant, and ``source`` is ``(N, C, H, W)`` with a static shape.
    """
    node = leaf.producer()
    if leaf is source or node is None:
        return _pixel_branch(str(leaf.name), leaf, source, identity_branch(_shape(source)[0]))
    if node.op_type == "Conv":
        return _conv_branch(node, source)
    bn = batchnorm_of(node)
    assert bn is not None
    return _pixel_branch(str(node.name), leaf, source, batchnorm_branch(bn))


def obstacle(large: Branch, small: Branch) -> str | None:
    """Return why ``small`` cannot be added into ``large`` for no more work, or ``None``."""
    given = [(b.outputs, b.rows.outputs, b.cols.outputs) for b in (large, small)]
    if given[0] != given[1]:
        wanted, got = ("x".join(map(str, shape)) for shape in given)
        return f"it gives {got} values where '{large.name}' gives {wanted}"
    strides = [(b.rows.stride, b.cols.stride) for b in (large, small)]
    if strides[0] != strides[1]:
        return f"its stride is {strides[1]}, that of '{large.name}' {strides[0]}"
    if large.node is None and small.node is None:
        return "there is no convolution beside it that could take it in"
    return _work_obstacle(large, small)


def joined(large: Branch, small: Branch) -> Branch:
    """Return the one convolution that equals the sum of two; ``obstacle`` has found none.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.3, for any kernel, dilation and group.
    """
    rows, cols = large.rows.union(small.rows), large.cols.union(small.cols)
    groups = gcd(large.groups, small.groups)
    size = (rows.count, cols.count)

    def widened(branch: Branch) -> Doubles:
        places = branch.rows.places(rows), branch.cols.places(cols)
        return spread(regroup(branch.layer.weight, branch.groups, groups), places, size)

    layer = Linear(widened(large) + widened(small), large.layer.bias + small.layer.bias)
    node, leaves = large.node or small.node, (*large.leaves, *small.leaves)
    return Branch(large.name, large.source, node, leaves, layer, groups, rows, cols)


def write_branch(branch: Branch) -> ir.Node:
    """Return the Conv of ``branch``, changed to compute all of it."""
    node, rows, cols = branch.node, branch.rows, branch.cols
    assert node is not None
    set_linear(node, branch.layer, "merged")
    node.attributes.pop("auto_pad", None)
    node.attributes["group"] = ir.AttrInt64("group", branch.groups)
    pairs = {
        "kernel_shape": (rows.count, cols.count),
        "dilations": (max(rows.step, 1), max(cols.step, 1)),
        "pads": (-rows.first, -cols.first, rows.after, cols.after),
        "strides": (rows.stride, cols.stride),
    }
    for name, numbers in pairs.items():
        node.attributes[name] = ir.AttrInt64s(name, numbers)
    return node


def _work_obstacle(large: Branch, small: Branch) -> str | None:
    rows, cols = large.rows.union(small.rows), large.cols.union(small.cols)
    inputs = large.layer.weight.shape[1] * large.groups
    per_output = inputs // gcd(large.groups, small.groups) * rows.count * cols.count
    apart, merged = large.macs + small.macs, large.outputs * per_output
    if merged <= apart:
        return None
    return (
        f"in one convolution with '{large.name}' it would take {merged} "
        f"multiply-accumulates per pixel, apart they take {apart}"
    )


def _conv_branch(node: ir.Node, source: ir.Value) -> Branch:
    layer = linear_of(node)
    assert layer is not None
    kernel, size = layer.weight.shape[2:], _shape(source)[1:]
    rows, cols = (_taps(node, axis, kernel[axis], size[axis]) for axis in (0, 1))
    groups = node.attributes.get_int("group", 1)
    return Branch(str(node.name), source, node, (node.outputs[0],), layer, groups, rows, cols)


def _pixel_branch(name: str, leaf: ir.Value, source: ir.Value, layer: Linear) -> Branch:
    rows, cols = (Taps(1, size) for size in _shape(source)[1:])
    return Branch(name, source, None, (leaf,), layer, len(layer.bias), rows, cols)


def _shape(source: ir.Value) -> tuple[int, ...]:
    """Return ``(C, H, W)``."""
    assert source.shape is not None
    return tuple(source.shape.numpy()[1:])


def _taps(node: ir.Node, axis: int, count: int, size: int) -> Taps:
    """Return where a Conv reads along ``axis`` of an image that is ``size`` long there."""
    stride = node.attributes.get_ints("strides", (1, 1))[axis]
    dilation = node.attributes.get_ints("dilations", (1, 1))[axis] if count > 1 else 0
    room = size - 1 - dilation * (count - 1)
    auto = node.attributes.get_string("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        total = max((size - 1) // stride * stride - room, 0)
        before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        after = total - before
    else:
        pads = node.attributes.get_ints("pads", (0, 0, 0, 0)) if auto == "NOTSET" else (0, 0, 0, 0)
        before, after = pads[axis], pads[axis + 2]
    outputs = (room + before + after) // stride + 1
    return Taps(stride, outputs, -before, dilation, count, after)
