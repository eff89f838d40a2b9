"""What a runtime really runs in INT8, read off the graph it made for itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import onnx

from edgekit.backends.openvino import OpenVino
from edgekit.graphs import graph_to_bytes
from edgekit.macs import macs_per_node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.backends.onnxruntime import OnnxRuntime
    from edgekit.values import Graph

NOT_FUSED = "the runtime did not fuse it with its quantize and dequantize nodes"
_INTEGER = frozenset({"QLinearConv", "QGemm", "QLinearMatMul"})
# Of OpenVINO's graph: kinds of layers, how a kernel in INT8 is called, what it calls a layer whose
# bias it took apart, and what takes no time.
_LAYERS = frozenset({"Convolution", "FullyConnected", "MatMul"})
_IN_INT8, _NO_BIAS = "_I8", "/WithoutBiases"
_NO_WORK = frozenset({"Const", "Input", "Output"})


@dataclass(frozen=True)
class FloatNode:
    """A weighted node that runs in float.

    Attributes:
        mac_share: Its share of the network's multiply-accumulates.
        reason: Why it was not quantized, or that it was and did not fuse.
    """

    name: str
    mac_share: float
    reason: str


@dataclass(frozen=True)
class Coverage:
    """What of a network runs in INT8 on a runtime.

    Attributes:
        int8: How many weighted nodes run in INT8.
        float_nodes: Those that do not, the heaviest first.
        mac_share_int8: Share of multiply-accumulates in INT8, 0..1.
        operators: How often each operator stands in the runtime's own graph.
    """

    int8: int
    float_nodes: tuple[FloatNode, ...]
    mac_share_int8: float
    operators: Mapping[str, int]


def read_coverage(
    graph: Graph,
    quantized: Graph | Path,
    kept_float: Mapping[str, str],
    backend: OnnxRuntime | OpenVino,
) -> Coverage:
    """Return what of ``quantized`` the runtime runs in INT8.

    Args:
        graph: The float network it was made from: names and shapes.
        quantized: The same network with Q/DQ nodes, or a file in OpenVINO's own format.
        kept_float: Nodes left in float on purpose, with the reason.
        backend: The runtime.
    """
    if isinstance(backend, OpenVino):
        model = quantized if isinstance(quantized, Path) else graph_to_bytes(quantized)
        integer, operators = _ran_by_openvino(model, backend)
    else:
        assert not isinstance(quantized, Path)
        ran = _ran_by_onnxruntime if backend.integers else _said_by_file
        integer, operators = ran(quantized, backend)
    macs = macs_per_node(graph)
    total = sum(macs.values()) or 1
    left = [
        FloatNode(name, count / total, kept_float.get(name, NOT_FUSED))
        for name, count in sorted(macs.items(), key=lambda item: -item[1])
        if name not in integer
    ]
    return Coverage(
        int8=len(macs) - len(left),
        float_nodes=tuple(left),
        mac_share_int8=sum(macs[name] for name in macs if name in integer) / total,
        operators=dict(Counter(operators)),
    )


def _ran_by_onnxruntime(quantized: Graph, backend: OnnxRuntime) -> tuple[set[str], list[str]]:
    """Return the names of the weighted nodes in INT8, and every operator of the runtime's graph."""
    nodes = _optimized(quantized, backend).graph.node
    integer = {_origin(node.name) for node in nodes if node.op_type in _INTEGER}
    return integer, [node.op_type for node in nodes]


def _said_by_file(quantized: Graph, _: OnnxRuntime) -> tuple[set[str], list[str]]:
    """Return the same of a runtime that does what a file says: layers that read integers alone."""
    nodes = quantized.model.graph
    integer = {
        str(node.name)
        for node in nodes
        if len(node.inputs) > 1
        and all(
            value is not None
            and (producer := value.producer()) is not None
            and producer.op_type == "DequantizeLinear"
            for value in node.inputs[:2]
        )
    }
    return integer, [node.op_type for node in nodes]


def _ran_by_openvino(model: bytes | Path, backend: OpenVino) -> tuple[set[str], list[str]]:
    """Return the same of OpenVINO, whose graph names what a node of its own was made of."""
    with backend.open(model) as session:
        nodes = [node for node in session.ran() if node["layerType"] not in _NO_WORK]
    integer = {
        name.removesuffix(_NO_BIAS)
        for node in nodes
        if node["layerType"] in _LAYERS and node["primitiveType"].endswith(_IN_INT8)
        for name in node["originalLayersNames"].split(",")
    }
    return integer, [node["layerType"] for node in nodes]


def _optimized(quantized: Graph, backend: OnnxRuntime) -> onnx.ModelProto:
    with TemporaryDirectory(prefix="edgekit-") as folder:
        path = Path(folder) / "optimized.onnx"
        with replace(backend, optimized_path=path).open(graph_to_bytes(quantized)):
            return onnx.load(path)


def _origin(name: str) -> str:
    """Return the name a node had before the runtime fused it and numbered the result."""
    return name.rsplit("_token_", 1)[0]
