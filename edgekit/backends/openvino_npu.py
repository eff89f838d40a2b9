"""What Intel's NPU refuses of a network, found before anything is compiled.

Only what a public source states is refused; a network without a refusal may still fail to compile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from edgekit.values import Graph

_MOST_DIMENSIONS = 5
_TYPES = frozenset(
    {"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "FLOAT8E4M3FN", "FLOAT8E5M2", "BOOL", "UNDEFINED"}
    | {"UINT2", "UINT4", "UINT8", "UINT16", "UINT32", "UINT64"}
    | {"INT4", "INT8", "INT16", "INT32", "INT64"}
)
# What it becomes in OpenVINO is not among the operations that the NPU's compiler reads.
_OPERATORS = frozenset({"Col2Im", "IsInf", "IsNaN", "Multinomial", "Unique"})
# Inputs whose values decide how large an operator's output is.
_SIZED_BY: Mapping[str, tuple[int, ...]] = {
    "Compress": (1,),
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "NonMaxSuppression": (0, 1, 2),
    "NonZero": (0,),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (2, 3),
    "Slice": (1, 2, 3, 4),
    "Tile": (1,),
    "TopK": (1,),
}
# What these give is known before the network runs, where sizes are fixed.
_OF_SHAPES = frozenset({"Shape", "Size"})


def npu_refusals(graph: Graph) -> tuple[str, ...]:
    """Return why OpenVINO cannot compile ``graph`` for an NPU, a sentence each; empty: none known.

    Args:
        graph: With what shapes are known. One that is not is refused where it follows from values
            that the input decides, because what follows from constants is folded when compiled.

    Source:
        Static shapes, and sizes that depend on data: "NPU Device", Limitations,
        https://docs.openvino.ai/2025/openvino-workflow/running-inference/inference-devices-and-modes/npu-device.html
        (later compilers take some sizes that have an upper bound, which ONNX cannot state).
        Types: ``check_network_precision``, https://github.com/openvinotoolkit/openvino,
        src/plugins/intel_npu/src/backend/src/zero_infer_request.cpp.
        Operators: ``NGraphImporter::getParser``, https://github.com/openvinotoolkit/npu_compiler,
        src/vpux_compiler/src/frontend/IE.cpp. ``If`` and ``Loop`` are among those it reads.
        Dimensions of an input: https://github.com/openvinotoolkit/openvino/issues/30532
    """
    network = graph.model.graph
    refusals = [*_inputs(network)]
    known = set(network.initializers.values())
    for node in network.all_nodes():
        refusals += [*_operator(node)] or [*_sizes(node, known)]
        refusals += _types(node)
        if node.op_type in _OF_SHAPES or _follows(node, known):
            known.update(node.outputs)
    return tuple(refusals)


def _inputs(network: ir.Graph) -> Iterator[str]:
    for value in network.inputs:
        if value.name in network.initializers:
            continue
        if not _is_static(value.shape):
            yield (
                f"Input '{value.name}' has the shape {value.shape}: an NPU takes fixed sizes "
                "only. Give --input-size, or export the model with fixed sizes."
            )
        if value.shape is not None and len(value.shape) > _MOST_DIMENSIONS:
            yield (
                f"Input '{value.name}' has {len(value.shape)} dimensions: an NPU takes "
                f"{_MOST_DIMENSIONS} at most. Export the model with an input of 4."
            )
        yield from _type(value, f"Input '{value.name}'")


def _operator(node: ir.Node) -> Iterator[str]:
    if node.domain == "" and node.op_type in _OPERATORS:
        yield (
            f"{_called(node)}: the NPU's compiler has no such operator. Export the model "
            "without it, or use a target for the CPU or the GPU."
        )


def _sizes(node: ir.Node, known: Container[ir.Value]) -> Iterator[str]:
    """Yield a refusal of each output whose size no constant decides."""
    deciding = _SIZED_BY.get(node.op_type, ()) if node.domain == "" else ()
    values = [node.inputs[i] for i in deciding if i < len(node.inputs)]
    if all(value is None or value in known for value in values):
        return
    for value in node.outputs:
        if value.shape is None or not _is_static(value.shape):
            yield (
                f"{_called(node)}: the size of its output '{value.name}' depends on the image, and "
                "an NPU takes fixed sizes only. Export the model without it; edgekit selects boxes "
                "itself."
            )


def _follows(node: ir.Node, known: Container[ir.Value]) -> bool:
    """Return whether all that ``node`` is given is known before the network runs."""
    if any(
        a.type in {ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS}
        for a in node.attributes.values()
    ):
        return False
    return all(value is None or value in known for value in node.inputs)


def _types(node: ir.Node) -> Iterator[str]:
    for value in node.outputs:
        yield from _type(value, f"{_called(node)}: its output '{value.name}'")


def _type(value: ir.Value, where: str) -> Iterator[str]:
    if value.dtype is not None and value.dtype.name not in _TYPES:
        yield (
            f"{where} is of type {value.dtype.name.lower()}, which an NPU does not know. Export "
            "the model with 32-bit floats and integers."
        )


def _is_static(shape: ir.Shape | None) -> bool:
    return shape is None or all(isinstance(size, int) for size in shape)


def _called(node: ir.Node) -> str:
    return f"Node '{node.name}' ({node.op_type})"
