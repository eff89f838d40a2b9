"""What TensorRT's own ONNX parser rejects or misreads, without the use of edgekit's checker.

Seen on a real parser, that of TensorRT-RTX 1.7: an INT32 bias through DequantizeLinear, a zero
point that is not 0, operators of the QOperator format, and operators it has no importer for are
errors. A UINT8 zero point of 0 it takes with a warning and reads as INT8, values above 127 scales
clipped; here it is an error, because no file may leave with one. So is a missing zero point, which
is UINT8 by ONNX's definition. The highest opset is that of the ONNX Opset Guide of TensorRT 11.
"""

import onnx
from onnx import TensorProto, numpy_helper

NO_IMPORTER = {"ConvInteger", "MatMulInteger"}
OPSETS = {"11.4": 25}
READS_INTEGERS = {
    TensorProto.INT8,
    TensorProto.UINT8,
    TensorProto.INT4,
    TensorProto.FLOAT8E4M3FN,
}


def refusals(content, release):
    """Every reason not to build ``content``; none where it is fine."""
    model = onnx.load_from_string(content)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    found = [
        f"opset {one.version}: TensorRT {release} reads up to {OPSETS[release]}"
        for one in model.opset_import
        if one.domain == "" and one.version > OPSETS.get(release, one.version)
    ]
    for node in model.graph.node:
        found += _of_node(node, constants)
    return found


def _of_node(node, constants):
    if node.op_type in NO_IMPORTER or node.op_type.startswith("QLinear"):
        return [f"No importer registered for op: {node.op_type}"]
    if node.op_type not in {"QuantizeLinear", "DequantizeLinear"}:
        return []
    found = []
    read = constants.get(node.input[0])
    if node.op_type == "DequantizeLinear" and read and read.data_type not in READS_INTEGERS:
        found.append(f"{node.name}: input has type {TensorProto.DataType.Name(read.data_type)}")
    zero = constants.get(node.input[2]) if len(node.input) > 2 else None
    if zero is None:
        found.append(f"{node.name}: no zero point, which makes it UINT8")
    elif zero.data_type == TensorProto.UINT8:
        found.append(f"{node.name}: UINT8 zero point would be read as INT8")
    elif numpy_helper.to_array(zero).any():
        found.append(f"{node.name}: zero point is not 0")
    return found
