"""Operators and opsets that a version of TensorRT cannot read.

Source:
    onnx/onnx-tensorrt, ``docs/operators.md`` of 8.5, 8.6, 10.0, 10.15, and ``docs/Changelog.md``;
    "ONNX Opset Guide" (TensorRT documentation, 11.4.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.backends.tensorrt.finding import Finding, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Version = tuple[int, int]

# The newest opset that a version's documentation says it reads, from that version on.
OPSETS = {(8, 5): 17, (10, 0): 20, (10, 15): 24, (11, 0): 25}
QOPERATOR = frozenset(
    {"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
)
# ONNX's own that no version reads.
NEVER = frozenset(
    {
        "AffineGrid",
        "Bernoulli",
        "BitShift",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
        "CenterCropPad",
        "Col2Im",
        "Compress",
        "ConcatFromSequence",
        "DFT",
        "Det",
        "ImageDecoder",
        "MaxRoiPool",
        "MaxUnpool",
        "MelWeightMatrix",
        "Multinomial",
        "NegativeLogLikelihoodLoss",
        "Optional",
        "OptionalGetElement",
        "OptionalHasElement",
        "RegexFullMatch",
        "SequenceAt",
        "SequenceConstruct",
        "SequenceEmpty",
        "SequenceErase",
        "SequenceInsert",
        "SequenceLength",
        "SequenceMap",
        "SoftmaxCrossEntropyLoss",
        "SplitToSequence",
        "StringNormalizer",
        "TfIdfVectorizer",
        "Unique",
    }
)
SINCE = {
    "Attention": (10, 14),
    "BlackmanWindow": (10, 4),
    "CastLike": (10, 0),
    "DeformConv": (10, 1),
    "Gelu": (10, 0),
    "GroupNormalization": (8, 6),
    "HammingWindow": (10, 4),
    "HannWindow": (10, 4),
    "Hardmax": (10, 0),
    "IsInf": (8, 6),
    "LayerNormalization": (8, 6),
    "Mish": (10, 0),
    "RMSNormalization": (10, 15),
    "RotaryEmbedding": (10, 15),
    "STFT": (10, 5),
    "Swish": (11, 0),
    "TensorScatter": (10, 15),
}
_ONNX = frozenset({"", "ai.onnx"})


def check_operators(
    nodes: Sequence[ir.Node], opsets: dict[str, int], version: Version
) -> Iterator[Finding]:
    """Yield what the parser of ``version`` does not read.

    Args:
        nodes: All of a network, those of graphs inside nodes too.
        opsets: That the file says it is written in, by domain.
        version: Of TensorRT, major and minor.
    """
    newest = _latest(OPSETS, version)
    opset = opsets.get("", opsets.get("ai.onnx", 0))
    if opset > newest:
        yield Finding(
            "error",
            "the network",
            f"opset {newest} or older, which TensorRT {_shown(version)} reads",
            f"opset {opset}",
            f"Convert it down, with edgekit or onnx.version_converter, to opset {newest}.",
        )
    for node in nodes:
        yield from _operator(node, version)
        if node.domain in _ONNX:
            yield from _restrictions(node)
            yield from _pixels(node)


def _operator(node: ir.Node, version: Version) -> Iterator[Finding]:
    since, release = SINCE.get(node.op_type, version), f"TensorRT {_shown(version)}"
    quantized = node.op_type in QOPERATOR or node.op_type.startswith(("QLinear", "QGemm"))
    if quantized:
        yield Finding(
            "error",
            named(node),
            "layers in float between quantize and dequantize nodes (QDQ format)",
            "an operator on integers (QOperator format), which no version reads",
            "Quantize again and choose the QDQ format.",
        )
    elif node.domain not in _ONNX:
        plugin = node.domain not in {"com.microsoft", "ai.onnx.ml"}
        yield Finding(
            "warning" if plugin else "error",
            named(node),
            f"operators of ONNX itself, or of a plugin that is loaded into {release}",
            f"one of the domain '{node.domain}'",
            "Export the network without it, or build with the plugin's library loaded.",
        )
    elif node.op_type in NEVER or since > version:
        first = "no version" if node.op_type in NEVER else f"only {_shown(since)} and later"
        yield Finding(
            "error",
            named(node),
            f"operators that {release} reads",
            f"one that {first} does",
            "Export the network with simpler operators in its place"
            + ("." if node.op_type in NEVER else f", or install TensorRT {_shown(since)}."),
        )


def _restrictions(node: ir.Node) -> Iterator[Finding]:
    """Yield what of an operator no version computes, of those that detectors have."""
    found = _unread(node)
    if found is not None:
        expected, seen = found
        yield Finding("error", named(node), expected, seen, "Export the network without that.")


def _unread(node: ir.Node) -> tuple[str, str] | None:
    attributes = node.attributes
    if node.op_type == "Resize":
        mode = attributes.get_string("mode", "nearest")
        if mode not in {"nearest", "linear"}:
            return "mode nearest or linear", f"mode {mode}"
        if attributes.get_int("antialias", 0):
            return "no antialiasing", "antialias = 1"
    if node.op_type in {"MaxPool", "AveragePool", "LpPool"}:
        dilations = list(attributes.get_ints("dilations", [1]))
        if any(number != 1 for number in dilations):
            return "dilations of one", f"dilations {dilations}"
    if node.op_type == "MaxPool" and len(node.outputs) > 1 and node.outputs[1].uses():
        return "its values alone to be read", "its indices read too"
    if node.op_type == "ScatterND" and attributes.get_string("reduction", "none") != "none":
        return "no reduction", f"reduction {attributes.get_string('reduction', 'none')}"
    return None


def _pixels(node: ir.Node) -> Iterator[Finding]:
    """Yield a use of unsigned integers that is no cast: they are for the ends of a network."""
    for value in node.inputs:
        if value is None or not value.is_graph_input() or value.dtype != ir.DataType.UINT8:
            continue
        # A dequantize node is found by its unsigned integers.
        if node.op_type not in {"Cast", "CastLike", "DequantizeLinear"}:
            yield Finding(
                "error",
                named(node),
                "unsigned integers cast to floats before anything else reads them",
                f"the input '{value.name}' read as it is",
                "Put a Cast right behind the input.",
            )


def _latest(table: dict[Version, int], version: Version) -> int:
    known = [value for first, value in sorted(table.items()) if first <= version]
    return known[-1] if known else min(table.values())


def _shown(version: Version) -> str:
    return ".".join(map(str, version))
