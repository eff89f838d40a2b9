"""What 16-bit floats do to a network, computed in float32 on any machine.

ONNX Runtime's CPU provider has few 16-bit kernels. It widens what such nodes read, computes in
float32, and drops the roundings as superfluous, so that a network in float16 looks
better on it than it is. Here every value is rounded, by a cast there and back that it must keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir import convenience

from edgekit.graphs import graph_from_model
from edgekit.quantize.half_rules import MOVING
from edgekit.quantize.half_types import typed

if TYPE_CHECKING:
    from edgekit.values import Graph


def rounded(graph: Graph) -> Graph:
    """Return a float32 network that rounds to float16 wherever ``graph`` holds float16.

    Each node computes in float32 from rounded inputs and rounds what it gives, as GPUs do that
    sum products of 16 bits in 32. A runtime that fuses nodes rounds less often.

    Args:
        graph: With values and weights in float16.
    """
    model = typed(graph).model.clone()
    network = model.graph
    narrow = [v for n in network for v in n.outputs if v.dtype == ir.DataType.FLOAT16]
    names = {*convenience.create_value_mapping(network), *(str(n.name) for n in network)}
    for value in (*network.inputs, *network.initializers.values(), *narrow):
        _widen(value)
    for value in narrow:
        node = value.producer()
        assert node is not None
        if node.op_type == "Cast":
            node.attributes.add(ir.AttrInt64("to", ir.DataType.FLOAT))
        if node.op_type not in MOVING:  # they hand on what was rounded when it was made
            _round(network, value, names)
    return graph_from_model(model, parent=graph.sha256)


def _widen(value: ir.Value) -> None:
    if value.dtype != ir.DataType.FLOAT16:
        return
    value.type = ir.TensorType(ir.DataType.FLOAT)
    if value.const_value is not None:
        numbers = value.const_value.numpy().astype(np.float32)
        value.const_value = ir.tensor(numbers, name=value.name)


def _round(network: ir.Graph, value: ir.Value, names: set[str]) -> None:
    """Make all that reads ``value`` read it rounded to float16; an output keeps its name."""
    node, name = value.producer(), str(value.name)
    assert node is not None
    uses, output = tuple(value.uses()), value.is_graph_output()
    half = ir.val(_free(names, f"{name}_rounded"), ir.DataType.FLOAT16, value.shape)
    wide = ir.val(_free(names, f"{name}_wide"), ir.DataType.FLOAT, value.shape)
    casts = [
        _cast(value, half, ir.DataType.FLOAT16),
        _cast(half, wide, ir.DataType.FLOAT),
    ]
    network.insert_after(node, casts)
    for use in uses:
        use.node.replace_input_with(use.idx, wide)
    if output:
        value.name, wide.name = wide.name, name
        network.outputs[:] = [wide if given is value else given for given in network.outputs]


def _cast(value: ir.Value, output: ir.Value, to: ir.DataType) -> ir.Node:
    return ir.node("Cast", [value], {"to": to}, outputs=[output], name=f"{output.name}_cast")


def _free(names: set[str], name: str) -> str:
    while name in names:
        name += "_"
    names.add(name)
    return name
