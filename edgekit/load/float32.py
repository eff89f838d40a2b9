"""Half-precision models widened to float32."""

from __future__ import annotations

import onnx_ir as ir

_HALF = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16)
_TYPE_ATTRIBUTES = ("to", "dtype")


def has_half(model: ir.Model) -> bool:
    """Return whether ``model`` has weights, constants or inputs in float16 or bfloat16."""
    values = (*model.graph.inputs, *model.graph.initializers.values())
    attributes = (a for node in model.graph.all_nodes() for a in node.attributes.values())
    constants = (a.value for a in attributes if a.type == ir.AttributeType.TENSOR)
    return any(item.dtype in _HALF for item in (*values, *constants))


def widen_half(model: ir.Model) -> ir.Model:
    """Return a copy of ``model`` with every float16 and bfloat16 value made float32.

    The weights keep their exact values; the arithmetic gets more exact than the file's own.
    """
    copy = model.clone()
    WidenHalf()(copy)
    return copy


class WidenHalf(ir.passes.InPlacePass):
    """The pass behind ``widen_half``."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Widen initializers, types, and attributes that carry a type or a tensor."""
        for graph in (model.graph, *model.graph.subgraphs()):
            for value in (*graph.inputs, *graph.initializers.values()):
                _widen_value(value)
        for node in model.graph.all_nodes():
            for attribute in tuple(node.attributes.values()):
                _widen_attribute(node, attribute)
            for value in node.outputs:
                _widen_value(value)
        return ir.passes.PassResult(model, modified=True)


def _widen_value(value: ir.Value) -> None:
    if value.dtype in _HALF:
        value.type = ir.TensorType(ir.DataType.FLOAT)  # a clone shares type objects
    if value.const_value is not None and value.const_value.dtype in _HALF:
        value.const_value = _widened(value.const_value)


def _widen_attribute(node: ir.Node, attribute: ir.Attr) -> None:
    if attribute.type == ir.AttributeType.TENSOR and attribute.value.dtype in _HALF:
        node.attributes.add(ir.AttrTensor(attribute.name, _widened(attribute.value)))
    if attribute.name in _TYPE_ATTRIBUTES and attribute.value in _HALF:
        node.attributes.add(ir.AttrInt64(attribute.name, ir.DataType.FLOAT))


def _widened(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
    return ir.tensor(tensor.numpy().astype("float32"), name=tensor.name)
