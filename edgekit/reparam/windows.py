"""Which inputs an output reads along one axis of an image, node by node, as ONNX defines it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.reparam.layers import constant_of, linear_of

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.reparam.algebra import Indices


@dataclass(frozen=True, eq=False)
class Window:
    """A kernel along one image axis.

    Attributes:
        size: How long the input is.
        outputs: How long the output is.
        stride: From one output to the next, in inputs; the other way round where ``transposed``.
        before: Padding before the input.
        offsets: Where the elements of the kernel lie.
        transposed: Whether it is that of a ConvTranspose.
    """

    size: int
    outputs: int
    stride: int
    before: int
    offsets: Indices
    transposed: bool = False

    def reads(self, at: Indices) -> Indices:
        """Return the inputs that the outputs ``at`` read, ``(outputs, elements)``.

        One that is negative, or ``size`` and more, reads padding.
        """
        if not self.transposed:
            return at[:, None] * self.stride - self.before + self.offsets
        origin = at[:, None] + self.before - self.offsets
        return np.where(origin % self.stride == 0, origin // self.stride, -1)


def window_of(node: ir.Node, axis: int, size: int) -> Window:
    """Return the window of ``node`` along ``axis``, over ``size`` input elements.

    Args:
        node: A convolution, a pool without ``ceil_mode``, a Slice, a SpaceToDepth (which is taken
            for its size alone), or one that computes each pixel by itself.
        axis: 0 for the height, 1 for the width.
        size: Of its input.
    """
    if node.op_type == "Slice":
        return _slice_window(node, axis, size)
    if node.op_type == "SpaceToDepth":
        block = node.attributes.get_int("blocksize", 1)
        return Window(size, size // block, block, 0, np.arange(block))
    if node.op_type not in {"Conv", "ConvTranspose", "AveragePool", "MaxPool"}:
        return Window(size, size, 1, 0, np.zeros(1, np.intp))
    stride = node.attributes.get_ints("strides", (1, 1))[axis]
    dilation = node.attributes.get_ints("dilations", (1, 1))[axis]
    offsets = dilation * np.arange(_kernel(node)[axis])
    span = int(offsets[-1]) + 1
    before, after = _padding(node, axis, size, span)
    if node.op_type == "ConvTranspose":
        extra = node.attributes.get_ints("output_padding", (0, 0))[axis]
        outputs = (size - 1) * stride - before - after + span + extra
        return Window(size, outputs, stride, before, offsets, transposed=True)
    return Window(size, (size + before + after - span) // stride + 1, stride, before, offsets)


def _kernel(node: ir.Node) -> tuple[int, ...]:
    if node.op_type.endswith("Pool"):
        return tuple(node.attributes.get_ints("kernel_shape", (1, 1)))
    layer = linear_of(node)
    assert layer is not None
    return layer.weight.shape[2:]


def _padding(node: ir.Node, axis: int, size: int, span: int) -> tuple[int, int]:
    """Return how much is added before and behind the input."""
    auto = node.attributes.get_string("auto_pad", "NOTSET")
    if auto == "VALID":
        return 0, 0
    if auto == "NOTSET" or node.op_type == "ConvTranspose":
        pads = node.attributes.get_ints("pads", (0, 0, 0, 0))
        return pads[axis], pads[axis + 2]
    stride = node.attributes.get_ints("strides", (1, 1))[axis]
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    before = total // 2 if auto == "SAME_UPPER" else total - total // 2
    return before, total - before


def _slice_window(node: ir.Node, axis: int, size: int) -> Window:
    starts, ends, axes, steps = (_numbers(node, index) for index in range(1, 5))
    axes = [a % 4 for a in axes] or list(range(len(starts)))
    if axis + 2 not in axes:
        return Window(size, size, 1, 0, np.zeros(1, np.intp))
    at = axes.index(axis + 2)
    taken = range(size)[slice(starts[at], ends[at], steps[at] if steps else 1)]
    return Window(size, len(taken), taken.step, -taken.start, np.zeros(1, np.intp))


def _numbers(node: ir.Node, index: int) -> list[int]:
    constant = constant_of(node.inputs[index]) if index < len(node.inputs) else None
    return [] if constant is None else [int(number) for number in constant]
