"""Single output pixels of a linear layer, worked out directly from the definition.

Shares no code with the runtimes nor with the rewrites it is there to check.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.reparam.algebra import Doubles, Linear


def output_pixel(node: ir.Node, layer: Linear, patch: Doubles) -> Doubles:
    """Return one output pixel ``(out,)``.

    Args:
        node: A Conv, ConvTranspose or Gemm.
        layer: Its weight and bias, or others of the same shape.
        patch: What the pixel sees: ``(in, kh, kw)``, or ``(in,)`` for a Gemm.
    """
    if node.op_type == "Gemm":
        row: Doubles = patch @ layer.weight + layer.bias
        return row
    groups = node.attributes.get_int("group", 1)
    inputs = patch.reshape(groups, -1, *patch.shape[1:])
    weight = layer.weight.reshape(groups, -1, *layer.weight.shape[1:])
    sum_over = "gcij,gocij->go" if node.op_type == "Conv" else "gcij,gcoij->go"
    pixel: Doubles = np.einsum(sum_over, inputs, weight).reshape(-1) + layer.bias
    return pixel


def patches(node: ir.Node, layer: Linear, activation: Doubles) -> Iterator[Doubles]:
    """Yield what nine output pixels see: the corners, the middles of the sides, the centre.

    Args:
        node: A Conv, ConvTranspose or Gemm.
        layer: Its weight gives the kernel size.
        activation: Its input ``(N, in, H, W)``, or ``(N, in)`` for a Gemm.
    """
    first = activation[0]
    if node.op_type == "Gemm":
        yield first
        return
    window = [_Window.of(node, layer, axis, first.shape[1 + axis]) for axis in (0, 1)]
    for rows, cols in product(window[0].reads(node.op_type), window[1].reads(node.op_type)):
        patch = first[:, rows][:, :, cols]
        patch[:, rows < 0] = 0.0
        patch[:, :, cols < 0] = 0.0
        yield patch


def pixels(activation: Doubles) -> Iterator[Doubles]:
    """Yield the nine pixels ``(C,)`` of ``activation`` that ``patches`` would give windows of.

    Args:
        activation: ``(N, C, H, W)``; it is as large as what the windows give.
    """
    rows, cols = (_nine(size) for size in activation.shape[2:])
    for row, col in product(rows, cols):
        yield activation[0, :, row, col]


def _nine(size: int) -> list[int]:
    """Return the first, middle and last of ``size`` positions along one axis."""
    return sorted({0, size // 2, size - 1})


@dataclass(frozen=True, eq=False)
class _Window:
    """A kernel along one image axis: ``offsets`` of its elements, ``before`` the padding."""

    size: int
    outputs: int
    stride: int
    before: int
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, node: ir.Node, layer: Linear, axis: int, size: int) -> _Window:
        """Return the window of ``node`` along ``axis``, over ``size`` input elements."""
        stride = node.attributes.get_ints("strides", (1, 1))[axis]
        dilation = node.attributes.get_ints("dilations", (1, 1))[axis]
        offsets = dilation * np.arange(layer.weight.shape[2 + axis])
        span = int(offsets[-1]) + 1
        padding = node.attributes.get_ints("pads", (0, 0, 0, 0))
        before, after = padding[axis], padding[axis + 2]
        if node.op_type == "ConvTranspose":
            extra = node.attributes.get_ints("output_padding", (0, 0))[axis]
            outputs = (size - 1) * stride - before - after + span + extra
            return cls(size, outputs, stride, before, offsets)
        auto = node.attributes.get_string("auto_pad", "NOTSET")
        if auto.startswith("SAME"):
            total = max((-(-size // stride) - 1) * stride + span - size, 0)
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
            after = total - before
        return cls(size, (size + before + after - span) // stride + 1, stride, before, offsets)

    def reads(self, op_type: str) -> list[NDArray[np.int64]]:
        """Return the inputs that the first, middle and last output read; -1 reads a zero."""
        return [self._read(op_type, at) for at in _nine(self.outputs)]

    def _read(self, op_type: str, at: int) -> NDArray[np.int64]:
        if op_type == "Conv":
            source = at * self.stride - self.before + self.offsets
            inside = (source >= 0) & (source < self.size)
        else:
            origin = at + self.before - self.offsets
            source = origin // self.stride
            inside = (origin % self.stride == 0) & (source >= 0) & (source < self.size)
        return np.where(inside, source, -1)
