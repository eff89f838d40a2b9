"""Layers too small for kernels in 8 bits: there they are slower than in 16-bit floats, or none."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.quantize.rules import LayerSizes


def too_small(node: ir.Node, sizes: LayerSizes) -> str | None:
    """Return why a layer with a constant weight is left in float; ``None`` where it is not.

    Args:
        node: A convolution, transposed or not, or a product with a matrix.
        sizes: What kernels want.

    Source:
        What TensorRT Model Optimizer leaves out by default.
    """
    weight = node.inputs[1]
    assert weight is not None
    assert weight.shape is not None
    shape = weight.shape.numpy()
    if node.op_type in {"Conv", "ConvTranspose"}:
        return _small_convolution(node, shape, sizes)
    return _small_product(node, shape, sizes)


def _small_convolution(node: ir.Node, shape: tuple[int, ...], sizes: LayerSizes) -> str | None:
    groups, kernel = node.attributes.get_int("group", 1), shape[2:]
    ahead, behind = (shape[1], shape[0]) if node.op_type == "Conv" else shape[:2]
    if groups > 1 and node.op_type == "ConvTranspose":
        return "it is transposed and in groups, for which there is no 8-bit kernel"
    if groups > 1 and ahead == 1:
        return "it is depthwise: reading it takes longer than computing it, in 8 bits too"
    if groups > 1:
        fits = behind % sizes.multiple == 0 and min(kernel) >= sizes.grouped_kernel
        return None if fits else f"its {groups} groups do not fill an 8-bit kernel"
    if min(ahead, behind) >= sizes.channels:
        return None
    filled = ahead % sizes.multiple == 0 or behind % sizes.multiple == 0
    if filled and max(ahead, behind) >= sizes.channels and len(set(kernel)) == 1:
        return None
    return f"its {ahead} channels in and {behind} out do not fill an 8-bit kernel"


def _small_product(node: ir.Node, shape: tuple[int, ...], sizes: LayerSizes) -> str | None:
    read = node.inputs[0]
    assert read is not None
    rows = None if read.shape is None else prod(read.shape.numpy()[:-1])
    if rows == 1:
        return "it multiplies a single row: reading it takes longer than computing it"
    if min(shape) < sizes.channels:
        return f"its matrix of {shape[0]} x {shape[1]} does not fill an 8-bit kernel"
    return None
