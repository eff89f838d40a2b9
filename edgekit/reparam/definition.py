"""What a piece of a network computes at a few places, in float64, from the definition.

Shares no code with the runtimes, and with the rewrites it is there to check only how a node's
weights are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.reparam.layers import batchnorm_of, constant_of, linear_of
from edgekit.reparam.windows import Window, window_of

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.reparam.algebra import Doubles, Indices

Sources = dict[str, "Doubles"]


@dataclass(frozen=True, eq=False)
class Region:
    """A value at some rows and columns.

    Attributes:
        values: ``(channels, rows, columns)``.
        sizes: What they would be were every number in them positive: what rounding grows with.
    """

    values: Doubles
    sizes: Doubles

    def __add__(self, other: Region) -> Region:
        return Region(self.values + other.values, self.sizes + other.sizes)


def nine_pixels(value: ir.Value, sources: Sources) -> Region:
    """Return ``value`` at its corners, the middles of its sides and its centre.

    Args:
        value: Computed from the values of ``sources`` by linear layers, constants, sums, pools,
            strided slices and concatenations of channels.
        sources: By name, what is known: ``(N, C, H, W)``, or ``(N, C)``. The first image counts.
    """
    rows, cols = (_nine(_size(value, axis, sources)) for axis in (0, 1))
    return _region(value, (rows, cols), sources)


def _nine(size: int) -> Indices:
    """Return the first, middle and last of ``size`` positions along one axis."""
    return np.unique(np.array([0, size // 2, size - 1], np.intp))


def _size(value: ir.Value, axis: int, sources: Sources) -> int:
    """Return how long ``value`` is along ``axis``: 0 for its height, 1 for its width."""
    if value.name in sources:
        shape = sources[value.name].shape
        return int(shape[2 + axis]) if len(shape) > 2 else 1
    node = _producer(value)
    return window_of(node, axis, _size(_data(node)[0], axis, sources)).outputs


def _region(value: ir.Value, places: tuple[Indices, Indices], sources: Sources) -> Region:
    """Return ``value`` at ``places``; what lies outside it is zero."""
    if value.name in sources:
        first = sources[value.name][0]
        image = first if first.ndim > 1 else first[:, None, None]
        rows, cols = (np.clip(p, 0, s - 1) for p, s in zip(places, image.shape[1:], strict=True))
        values = image[:, rows[:, None], cols]
        found = Region(values, np.abs(values))
        sizes = image.shape[1:]
    else:
        found = _computed(_producer(value), places, sources)
        sizes = tuple(_size(value, axis, sources) for axis in (0, 1))
    rows, cols = ((p >= 0) & (p < size) for p, size in zip(places, sizes, strict=True))
    inside = rows[:, None] & cols
    return Region(np.where(inside, found.values, 0.0), np.where(inside, found.sizes, 0.0))


def _computed(node: ir.Node, places: tuple[Indices, Indices], sources: Sources) -> Region:
    data = _data(node)
    if node.op_type == "SpaceToDepth":
        return _blocks(node, data[0], places, sources)
    sizes = [_size(data[0], axis, sources) for axis in (0, 1)]
    windows = [window_of(node, axis, size) for axis, size in enumerate(sizes)]
    reads = [window.reads(at) for window, at in zip(windows, places, strict=True)]
    flat = reads[0].reshape(-1), reads[1].reshape(-1)
    found = [_region(value, flat, sources) for value in data]
    if node.op_type == "Concat":
        return _joined(found)
    if len(data) > 1:
        return sum(found[1:], found[0])
    shape = (-1, *reads[0].shape, *reads[1].shape)
    seen = Region(found[0].values.reshape(shape), found[0].sizes.reshape(shape))
    if node.op_type in {"Add", "Sub", "Mul", "Div"}:
        (known,) = {array.ndim for array in sources.values()}
        return _through_constant(node, _pixel(seen), known)
    return _applied(node, seen, _inside(reads, windows))


def _inside(reads: list[Indices], windows: list[Window]) -> Doubles:
    """Return 1 for what is read of the image and 0 for padding, ``(rows, kh, columns, kw)``."""
    rows, cols = (
        ((read >= 0) & (read < window.size)).astype(np.float64)
        for read, window in zip(reads, windows, strict=True)
    )
    return rows[:, :, None, None] * cols


def _applied(node: ir.Node, seen: Region, inside: Doubles) -> Region:
    """Return what ``node`` makes of ``seen``, ``(channels, rows, kh, columns, kw)``."""
    if node.op_type in {"Conv", "ConvTranspose", "Gemm"}:
        return _through_layer(node, seen)
    if node.op_type == "AveragePool":
        padded = node.attributes.get_int("count_include_pad", 0)
        count = inside.shape[1] * inside.shape[3] if padded else inside.sum(axis=(1, 3))
        return Region(seen.values.sum(axis=(2, 4)) / count, seen.sizes.sum(axis=(2, 4)) / count)
    if node.op_type == "MaxPool":
        values = np.where(inside > 0, seen.values, -np.inf).max(axis=(2, 4))
        return Region(values, seen.sizes.max(axis=(2, 4)))
    pixel = _pixel(seen)
    return _through_batchnorm(node, pixel) if node.op_type == "BatchNormalization" else pixel


def _pixel(seen: Region) -> Region:
    """Return ``seen`` through a window of one element."""
    return Region(seen.values[:, :, 0, :, 0], seen.sizes[:, :, 0, :, 0])


def _through_layer(node: ir.Node, seen: Region) -> Region:
    layer = linear_of(node)
    assert layer is not None
    groups = node.attributes.get_int("group", 1)
    weight = layer.weight.reshape(*layer.weight.shape, *[1] * (4 - layer.weight.ndim))
    weight = weight.reshape(groups, -1, *weight.shape[1:])
    spelled = "gockl" if node.op_type == "Conv" else "gcokl"

    def through(values: Doubles, kernel: Doubles, bias: Doubles) -> Doubles:
        grouped = values.reshape(groups, -1, *values.shape[1:])
        product = np.einsum(f"gcrkql,{spelled}->gorq", grouped, kernel, optimize=True)
        total: Doubles = product.reshape(-1, *product.shape[2:]) + bias[:, None, None]
        return total

    return Region(
        through(seen.values, weight, layer.bias),
        through(seen.sizes, np.abs(weight), np.abs(layer.bias)),
    )


def _through_batchnorm(node: ir.Node, pixel: Region) -> Region:
    bn = batchnorm_of(node)
    assert bn is not None
    gamma, beta, mean, var = (
        a[:, None, None] for a in (bn.gamma, bn.beta, bn.mean, bn.var + bn.epsilon)
    )
    root = np.sqrt(var)
    return Region(
        gamma * (pixel.values - mean) / root + beta,
        np.abs(gamma) * (pixel.sizes + np.abs(mean)) / root + np.abs(beta),
    )


def _through_constant(node: ir.Node, pixel: Region, rank: int) -> Region:
    """Return what an Add, Sub, Mul or Div with one constant makes of ``pixel``.

    Args:
        node: One operand of it is constant.
        pixel: The other.
        rank: Of that other, as ONNX has it.
    """

    def channels_first(constant: Doubles) -> Doubles:
        spread: Doubles = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)[0]
        return spread.reshape(spread.shape + (1,) * (3 - spread.ndim))

    operands = [constant_of(value) for value in node.inputs]
    wide = [None if c is None else channels_first(c) for c in operands]
    operation = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}
    sizing = {"Add": np.add, "Sub": np.add, "Mul": np.multiply, "Div": np.divide}
    values = [pixel.values if c is None else c for c in wide]
    sizes = [pixel.sizes if c is None else np.abs(c) for c in wide]
    return Region(operation[node.op_type](*values), sizing[node.op_type](*sizes))


def _blocks(
    node: ir.Node, value: ir.Value, places: tuple[Indices, Indices], sources: Sources
) -> Region:
    """Return what a SpaceToDepth makes of ``value``: its own channels for each pixel in a block."""
    size = node.attributes.get_int("blocksize", 1)
    rows, cols = places
    return _joined(
        [
            _region(value, (rows * size + row, cols * size + col), sources)
            for row in range(size)
            for col in range(size)
        ]
    )


def _joined(found: list[Region]) -> Region:
    return Region(
        np.concatenate([region.values for region in found]),
        np.concatenate([region.sizes for region in found]),
    )


def _data(node: ir.Node) -> list[ir.Value]:
    """Return what ``node`` reads that is computed."""
    return [v for v in node.inputs if v is not None and constant_of(v) is None]


def _producer(value: ir.Value) -> ir.Node:
    node = value.producer()
    assert node is not None
    return node
