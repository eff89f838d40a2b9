"""A float32 network to one in 16-bit floats, with casts only where the precision changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir import convenience
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgekit.graphs import graph_from_model
from edgekit.quantize.half_rules import LARGEST
from edgekit.quantize.half_types import half_ports, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.quantize.half_plan import HalfPlan
    from edgekit.values import Graph

    Use = tuple[ir.Node, int]  # a node, and the position among its inputs


def to_half(graph: Graph, plan: HalfPlan) -> Graph:
    """Return ``graph`` with the nodes of ``plan`` in float16.

    Inputs and outputs keep their names and types. A value that both sides read is cast once, and
    none is cast back and forth.

    Args:
        graph: The network in float32 that ``plan`` is about.
        plan: Which of its nodes run in float16.
    """
    model = typed(graph).model.clone()
    halver = _Halver(model, plan)
    for node in list(model.graph):
        halver.narrow_outputs(node)
    for value in tuple(model.graph.initializers.values()):
        halver.narrow_constant(value)
    for value in halver.computed():
        halver.cast_for_readers(value)
    return graph_from_model(model, parent=graph.sha256)


def plain_image(graph: Graph) -> Graph:
    """Return ``graph`` with a u8 image cast and scaled instead of dequantized.

    A DequantizeLinear gives float16 only from opset 19 on, with a scale in float16, which 1/255 is
    not. 255 is, so that a division rounds every pixel once.
    """
    model = graph.model.clone()
    found = [node for node in model.graph if _dequantizes_image(node)]
    if not found:
        return graph
    taken = {*convenience.create_value_mapping(model.graph)}
    for node in found:
        _scale_instead(model.graph, node, taken)
    RemoveUnusedNodesPass()(model)
    return graph_from_model(model, parent=graph.sha256)


class _Halver:
    """Rewrites one cloned network in place."""

    def __init__(self, model: ir.Model, plan: HalfPlan) -> None:
        self._network, self._plan = model.graph, plan
        opset = model.opset_imports[""]
        self._ports = {
            str(n.name): half_ports(n, opset) for n in model.graph if n.name in plan.nodes
        }
        self._taken = {
            *convenience.create_value_mapping(model.graph),
            *(str(node.name) for node in model.graph.all_nodes()),
        }

    def narrow_outputs(self, node: ir.Node) -> None:
        """Give what a node in float16 writes that type."""
        ports = self._ports.get(str(node.name))
        if ports is None:
            return
        for position in ports.outputs:
            node.outputs[position].type = ir.TensorType(ir.DataType.FLOAT16)
        if node.op_type == "Cast" and ports.outputs:
            node.attributes.add(ir.AttrInt64("to", ir.DataType.FLOAT16))

    def narrow_constant(self, value: ir.Value) -> None:
        """Give the readers in float16 a constant of that type; it replaces one no other reads."""
        narrow = self._readers(value, half=True)
        if value.const_value is None or value.dtype != ir.DataType.FLOAT or not narrow:
            return
        numbers = value.const_value.numpy()
        finite = np.clip(numbers, -LARGEST, LARGEST)  # limits that no value in 16 bits reaches
        half = np.where(np.isfinite(numbers), finite, numbers).astype(np.float16)
        if not self._readers(value, half=False) and not value.is_graph_output():
            value.type = ir.TensorType(ir.DataType.FLOAT16)
            value.const_value = ir.tensor(half, name=value.name)
            return
        name = _free(self._taken, f"{value.name}_half")
        copy = ir.val(name, const_value=ir.tensor(half, name=name))
        self._network.register_initializer(copy)
        _read_instead(narrow, copy)

    def computed(self) -> Iterator[ir.Value]:
        """Yield what is computed or comes from outside, before any cast is there."""
        made = [output for node in self._network for output in node.outputs]
        yield from (*self._network.inputs, *made)

    def cast_for_readers(self, value: ir.Value) -> None:
        """Give the readers of the other precision, if any, one cast of ``value``."""
        if value.dtype == ir.DataType.FLOAT:
            narrow = self._readers(value, half=True)
            if narrow:
                _read_instead(narrow, self._cast(value, ir.DataType.FLOAT16, "half"))
        elif value.dtype == ir.DataType.FLOAT16:
            wide = self._readers(value, half=False)
            if wide or value.is_graph_output():
                _read_instead(wide, self._widened(value))

    def _widened(self, value: ir.Value) -> ir.Value:
        """Return ``value`` in float32: under its own name, where that is an output."""
        if not value.is_graph_output():
            return self._cast(value, ir.DataType.FLOAT, "float")
        name = value.name
        value.name = _free(self._taken, f"{name}_half")
        wide = self._cast(value, ir.DataType.FLOAT, "float")
        wide.name = name
        self._network.outputs[:] = [
            wide if output is value else output for output in self._network.outputs
        ]
        return wide

    def _cast(self, value: ir.Value, to: ir.DataType, suffix: str) -> ir.Value:
        name = _free(self._taken, f"{value.name}_{suffix}")
        output = ir.val(name, to, value.shape)
        cast = ir.node("Cast", [value], {"to": to}, outputs=[output], name=f"{name}_cast")
        producer = value.producer()
        if producer is None:
            self._network.insert_before(self._network[0], [cast])
        else:
            self._network.insert_after(producer, [cast])
        return output

    def _readers(self, value: ir.Value, *, half: bool) -> list[Use]:
        """Return the uses of ``value`` by nodes that want it in float16, or in float32."""
        return [
            (use.node, use.idx)
            for use in value.uses()
            if use.node.op_type not in {"Shape", "Size"} and self._narrow(use.node, use.idx) == half
        ]

    def _narrow(self, node: ir.Node, position: int) -> bool:
        ports = self._ports.get(str(node.name)) if node.graph is self._network else None
        return ports is not None and position in ports.inputs


def _read_instead(uses: list[Use], value: ir.Value) -> None:
    for node, position in uses:
        node.replace_input_with(position, value)


def _dequantizes_image(node: ir.Node) -> bool:
    """Return whether a node scales unsigned integers that no quantization made."""
    if node.op_type != "DequantizeLinear":
        return False
    pixels, scale, zero = (*node.inputs, None)[:3]
    whole = zero is None or (zero.const_value is not None and not zero.const_value.numpy().any())
    single = scale is not None and scale.const_value is not None and scale.const_value.size == 1
    return whole and single and pixels is not None and _is_image(pixels)


def _is_image(value: ir.Value) -> bool:
    """Return whether a u8 value is a graph input, moved at most."""
    producer = value.producer()
    if producer is None:
        return value.is_graph_input() and value.dtype == ir.DataType.UINT8
    moves = producer.op_type in {"Transpose", "Reshape", "Slice", "Concat"}
    return moves and producer.inputs[0] is not None and _is_image(producer.inputs[0])


def _scale_instead(network: ir.Graph, node: ir.Node, taken: set[str]) -> None:
    pixels, scale, output = node.inputs[0], node.inputs[1], node.outputs[0]
    assert pixels is not None
    assert scale is not None
    assert scale.const_value is not None
    factor = float(scale.const_value.numpy().reshape(-1)[0])
    tape = ir.tape.Tape()
    whole = ir.val(_free(taken, f"{pixels.name}_float"), ir.DataType.FLOAT, pixels.shape)
    result = tape.op("Cast", [pixels], {"to": ir.DataType.FLOAT}, output=whole)
    if factor != 1:
        divisor = round(1 / factor)
        divides = abs(divisor * factor - 1) < 1e-6
        number = np.array(divisor if divides else factor, np.float32)
        name = _free(taken, f"{output.name}_scale")
        constant = tape.initializer(ir.tensor(number, name=name))
        result = tape.op("Div" if divides else "Mul", [whole, constant])
        result.name, result.type, result.shape = output.name, output.type, output.shape
    for made in tape.nodes:
        made.name = f"{node.name}_{made.op_type}"
    output.replace_all_uses_with(result, replace_graph_outputs=True)
    network.insert_before(node, tape.nodes)
    for initializer in tape.initializers:
        network.register_initializer(initializer)
    network.remove(node, safe=True)


def _free(taken: set[str], name: str) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
