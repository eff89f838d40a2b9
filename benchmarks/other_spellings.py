"""Ways of writing a network that were tried for speed and not taken."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgekit.graphs import graph_from_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.values import Graph


def siblings_merged(graph: Graph) -> Graph:
    """Return ``graph`` with convolutions alike that read one value merged, then split.

    Where a SiLU follows each of them, the split is behind one SiLU of all.
    """
    model = graph.model.clone()
    for number, siblings in enumerate(list(_siblings(model.graph))):
        _merge(model.graph, siblings, f"siblings{number}")
    model.graph.sort()
    RemoveUnusedNodesPass()(model)
    return graph_from_model(model, parent=graph.sha256)


def one_node_silu(quantized: Graph) -> Graph:
    """Return a network in INT8 with every SiLU of integers as dequantize, QuickGelu, quantize."""
    model = quantized.model.clone()
    model.graph.opset_imports["com.microsoft"] = 1
    for node in list(model.graph):
        pair = _silu(node.inputs[0]) if node.op_type == "Sigmoid" else None
        if pair is None or pair[0] is not node:
            continue
        product = pair[1]
        one = ir.node("QuickGelu", [node.inputs[0]], {"alpha": 1.0}, domain="com.microsoft")
        one.name = f"{product.name}_one"
        one.outputs[0].name = f"{product.outputs[0].name}_one"
        model.graph.insert_before(product, [one])
        product.outputs[0].replace_all_uses_with(one.outputs[0])
    RemoveUnusedNodesPass()(model)
    return graph_from_model(model, parent=quantized.sha256)


def _siblings(graph: ir.Graph) -> Iterator[list[ir.Node]]:
    groups: defaultdict[object, list[ir.Node]] = defaultdict(list)
    for node in graph:
        if node.op_type == "Conv" and len(node.inputs) == 3 and _group(node) == 1:
            attributes = tuple(sorted(str(a) for a in node.attributes.values()))
            groups[node.inputs[0], attributes, _array(node, 1).shape[1:]].append(node)
    return (group for group in groups.values() if len(group) > 1)


def _merge(graph: ir.Graph, siblings: list[ir.Node], name: str) -> None:
    arrays = [np.concatenate([_array(node, index) for node in siblings]) for index in (1, 2)]
    constants = [_constant(graph, f"{name}.{n}", array) for n, array in enumerate(arrays)]
    merged = ir.node("Conv", [siblings[0].inputs[0], *constants], name=name)
    merged.attributes.update(siblings[0].attributes)
    shape = siblings[0].outputs[0].shape
    assert shape is not None
    whole = (shape[0], len(arrays[0]), shape[2], shape[3])
    made, last = [merged], merged.outputs[0]
    silus = [_silu(node.outputs[0]) for node in siblings]
    outputs = [node.outputs[0] for node in siblings]
    if all(silus):
        sigmoid = ir.node("Sigmoid", [last], name=f"{name}.sigmoid")
        product = ir.node("Mul", [last, sigmoid.outputs[0]], name=f"{name}.product")
        made, last = [merged, sigmoid, product], product.outputs[0]
        outputs = [silu[1].outputs[0] for silu in silus if silu is not None]
    sizes = np.int64([len(_array(node, 1)) for node in siblings])
    parts = [last, _constant(graph, f"{name}.sizes", sizes)]
    split = ir.node("Split", parts, {"axis": 1}, num_outputs=len(siblings), name=f"{name}.split")
    for node in made:
        value = node.outputs[0]
        value.name, value.type, value.shape = f"{node.name}.value", outputs[0].type, ir.Shape(whole)
    graph.insert_after(siblings[-1], [*made, split])
    for old, new in zip(outputs, split.outputs, strict=True):
        new.name, new.type, new.shape = f"{old.name}.part", old.type, old.shape
        old.replace_all_uses_with(new, replace_graph_outputs=True)


def _silu(value: ir.Value | None) -> tuple[ir.Node, ir.Node] | None:
    """Return the Sigmoid and the Mul that make the SiLU of ``value``, through Q/DQ or not."""
    assert value is not None
    readers = [use.node for use in value.uses()]
    sigmoids = [node for node in readers if node.op_type == "Sigmoid"]
    products = [node for node in readers if node.op_type == "Mul"]
    if len(readers) != 2 or not sigmoids or not products:
        return None
    other = sigmoids[0].outputs[0]
    while (node := _only_reader(other)) is not None and node.op_type.endswith("Linear"):
        other = node.outputs[0]
    return (sigmoids[0], products[0]) if _only_reader(other) is products[0] else None


def _only_reader(value: ir.Value) -> ir.Node | None:
    uses = value.uses()
    return next(iter(uses)).node if len(uses) == 1 else None


def _group(node: ir.Node) -> int:
    return node.attributes.get_int("group", 1)


def _array(node: ir.Node, index: int) -> np.ndarray:
    value = node.inputs[index]
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()


def _constant(graph: ir.Graph, name: str, array: np.ndarray) -> ir.Value:
    value = ir.val(name, const_value=ir.tensor(array, name=name))
    graph.register_initializer(value)
    return value
