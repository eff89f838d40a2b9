"""Models that are refused by name, before any work: quantized ones, other tasks, odd opsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLDEST_OPSET = 9

_QUANTIZED_OPS = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger"}
    | {"MatMulInteger", "MatMulNBits", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QGemm"}
)
_OTHER_TASKS = {
    "segment": "segmentation",
    "pose": "pose estimation",
    "obb": "oriented boxes",
    "classify": "classification",
}


def refuse_unsupported(proto: onnx.ModelProto, path: Path) -> None:
    """Raise when ``proto`` is no float detection model that edgekit reads.

    Raises:
        ModelError: The opset is too old or too new, the model is quantized, or its metadata
            says it does something else than detection.
    """
    _refuse_opset(opset_of(proto), path)
    _refuse_quantized(proto, path)
    task = next((entry.value for entry in proto.metadata_props if entry.key == "task"), "detect")
    if task in _OTHER_TASKS:
        raise ModelError(
            f"Cannot load '{path}': its metadata says task '{task}', {_OTHER_TASKS[task]}: "
            "expected a detection model. Convert the detection variant of this model."
        )


def opset_of(proto: onnx.ModelProto) -> int:
    """Return the version of the standard operators ``proto`` uses; 0 when it names none."""
    versions = [entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")]
    return max(versions, default=0)


def _refuse_opset(opset: int, path: Path) -> None:
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise ModelError(
            f"Cannot load '{path}': expected opset {OLDEST_OPSET} to {newest}, found {opset}. "
            "Export the model with opset 17."
        )


def _refuse_quantized(proto: onnx.ModelProto, path: Path) -> None:
    nodes = [node for node in _all_nodes(proto) if _is_quantized(node.op_type)]
    if nodes:
        raise ModelError(
            f"Cannot load '{path}': it is already quantized: expected a float model, found "
            f"{len(nodes)} quantized nodes, the first a {nodes[0].op_type} '{nodes[0].name}'. "
            "Convert the float model it was made from."
        )


def _is_quantized(op_type: str) -> bool:
    return op_type in _QUANTIZED_OPS or op_type.startswith("QLinear")


def _all_nodes(proto: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    yield from proto.graph.node
    for function in proto.functions:
        yield from function.node
