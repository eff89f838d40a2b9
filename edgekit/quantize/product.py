"""1 x 1 convolutions from integers to floats, as products of matrices.

A convolution in 8 bits gives 8 bits. A product of matrices (QGemm) may give floats: a layer whose
result goes on in float then reads and multiplies integers, and its result is not rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.quantize.plan import dequantized
from edgekit.quantize.select import LAST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgekit.quantize.plan import Plan
    from edgekit.values import Graph

    Numbers = Callable[[str, Sequence[int]], ir.Value]

MULTIPLIES = "last layer before the decode: it multiplies integers and gives floats"
_CHANNELS_LAST, _CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def products_of(graph: Graph, plan: Plan) -> frozenset[str]:
    """Return the nodes of ``graph`` that give floats under ``plan``, but may multiply integers.

    They are the last layers before the decode that are products of matrices, behind what is
    quantized.
    """
    return frozenset(
        str(node.name)
        for node in graph.model.graph
        if plan.kept_float.get(str(node.name)) == LAST
        and node.op_type in plan.rules.products
        and is_product(node)
        and (dequantized(node.inputs[0]) or _producer_name(node.inputs[0]) in plan.nodes)
    )


def _producer_name(value: ir.Value | None) -> str | None:
    producer = None if value is None else value.producer()
    return None if producer is None else producer.name


def is_product(node: ir.Node) -> bool:
    """Return whether ``node`` multiplies every pixel with one matrix and does nothing else."""
    if node.op_type != "Conv":
        return False
    attributes = node.attributes
    ones, zeros = [1, 1], [0, 0, 0, 0]
    weight = node.inputs[1]
    return (
        weight is not None
        and weight.shape is not None
        and weight.shape.numpy()[2:] == tuple(ones)
        and attributes.get_int("group", 1) == 1
        and list(attributes.get_ints("strides", ones)) == ones
        and list(attributes.get_ints("pads", zeros)) == zeros
    )


def pixels_of(integers: ir.Value, shape: Sequence[int], numbers: Numbers) -> list[ir.Node]:
    """Return the nodes that lay an image out as one row per pixel; the last one gives the rows.

    Args:
        integers: The image, of any type.
        shape: Its shape, N, C, H, W.
        numbers: Makes an initializer, of what it is for and its integers.
    """
    n, c, h, w = shape
    last = ir.node("Transpose", [integers], {"perm": _CHANNELS_LAST})
    rows = ir.node("Reshape", [last.outputs[0], numbers("rows", [n * h * w, c])])
    return [last, rows]


def image_of(rows: ir.Value, shape: Sequence[int], numbers: Numbers) -> list[ir.Node]:
    """Return the nodes that make an image of ``shape``, N, C, H, W, of one row per pixel."""
    n, c, h, w = shape
    last = ir.node("Reshape", [rows, numbers("image", [n, h, w, c])])
    return [last, ir.node("Transpose", [last.outputs[0]], {"perm": _CHANNELS_FIRST})]
