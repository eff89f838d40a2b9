"""The two files that TensorRT is given, from one network with Q/DQ nodes.

A weakly typed network is in float32 between its Q/DQ nodes, and the builder chooses 16 bits itself
(TensorRT 8.x, 10.0 to 10.11). A strongly typed one runs each node in the types the file says (10.12
and later). Both hold the same integers: their scales are numbers of float16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
from onnx import version_converter
from onnx_ir import convenience

from edgekit.errors import StageError
from edgekit.graphs import graph_from_model, graph_from_proto, graph_to_proto
from edgekit.quantize.half import plain_image, to_half
from edgekit.quantize.half_plan import decode_in_float, half_plan
from edgekit.quantize.half_rules import MOVING, TENSORRT_STRONG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgekit.values import Graph, Statistics

HALF_SCALES = 19  # the first opset whose quantize and dequantize nodes have scales in float16


def weakly_typed(graph: Graph) -> Graph:
    """Return ``graph`` as TensorRT wants it that chooses precisions itself.

    A u8 image becomes floats before anything else: TensorRT has that type at the ends of a network
    alone, and would take a DequantizeLinear of it for one of signed integers.

    Args:
        graph: Quantized under the rules ``TENSORRT``, or in float32.
    """
    return _image_of_floats(plain_image(graph))


def strongly_typed(
    graph: Graph, decode: Iterable[str] = (), statistics: Statistics | None = None
) -> Graph:
    """Return ``graph`` in 16-bit floats and 8-bit integers, as TensorRT runs it to the letter.

    Args:
        graph: Quantized under the rules ``TENSORRT``, or in float32.
        decode: Nodes of the decode part, which compute in float32.
        statistics: What calibration saw. What 16 bits cannot hold stays in float32.

    Raises:
        StageError: The network cannot be written in the opset that has such scales, or nothing
            tells the type of a value.
    """
    raised = _raised(weakly_typed(graph))
    kept = decode_in_float(raised, decode, TENSORRT_STRONG)
    return to_half(raised, half_plan(raised, TENSORRT_STRONG, kept, statistics))


def _image_of_floats(graph: Graph) -> Graph:
    """Return ``graph`` with a Cast right behind every u8 input, and nothing else in u8."""
    model = graph.model.clone()
    network = model.graph
    taken = {*convenience.create_value_mapping(network), *(str(n.name) for n in network)}
    images = [v for v in network.inputs if v.dtype == ir.DataType.UINT8]
    if not images:
        return graph
    pixels = [_cast_at_once(network, image, taken) for image in images]
    for node in list(network):
        if any(value in pixels for value in node.inputs):
            pixels += _in_floats(network, node)
    return graph_from_model(model, parent=graph.sha256)


def _cast_at_once(network: ir.Graph, image: ir.Value, taken: set[str]) -> ir.Value:
    """Return ``image`` in floats, which all that read it read now."""
    name = f"{image.name}_in_floats"
    while name in taken:
        name += "_"
    taken.add(name)
    floats = ir.val(name, ir.DataType.FLOAT, image.shape)
    image.replace_all_uses_with(floats)
    cast = ir.node("Cast", [image], {"to": ir.DataType.FLOAT}, outputs=[floats], name=name)
    network.insert_before(network[0], [cast])
    return floats


def _in_floats(network: ir.Graph, node: ir.Node) -> list[ir.Value]:
    """Return the pixels that ``node`` moves, floats from now on; it is dropped where it casts."""
    read = node.inputs[0]
    assert read is not None
    if node.op_type == "Cast" and node.attributes["to"].as_int() == ir.DataType.FLOAT:
        node.outputs[0].replace_all_uses_with(read, replace_graph_outputs=True)
        network.remove(node, safe=True)
        return []
    if node.op_type not in MOVING:
        return []
    for output in node.outputs:
        output.type = ir.TensorType(ir.DataType.FLOAT)
    return list(node.outputs)


def _raised(graph: Graph) -> Graph:
    """Return ``graph`` in an opset whose scales may be in float16.

    Raises:
        StageError: ONNX's converter knows no way for some node.
    """
    if graph.model.opset_imports[""] >= HALF_SCALES:
        return graph
    proto = graph_to_proto(graph)
    try:
        converted = version_converter.convert_version(proto, HALF_SCALES)
    except Exception as err:  # the converter's errors share no base
        raise StageError(
            f"Cannot write the network in opset {HALF_SCALES}, which scales in 16 bits need: "
            f"{err}. TensorRT up to 10.11 does without; for later ones export the model again "
            f"with opset {HALF_SCALES}."
        ) from err
    needed = onnx.helper.find_min_ir_version_for(converted.opset_import, ignore_unknown=True)
    converted.ir_version = max(proto.ir_version, needed)
    return graph_from_proto(converted, parent=graph.sha256)
