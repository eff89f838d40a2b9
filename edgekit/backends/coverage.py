"""What a runtime really runs in INT8, read off the graph it made for itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import onnx

from edgekit.graphs import graph_to_bytes
from edgekit.macs import macs_per_node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.backends.onnxruntime import OnnxRuntime
    from edgekit.values import Graph

NOT_FUSED = "the runtime did not fuse it with its quantize and dequantize nodes"
_INTEGER = frozenset({"QLinearConv", "QGemm", "QLinearMatMul"})


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
    graph: Graph, quantized: Graph, kept_float: Mapping[str, str], backend: OnnxRuntime
) -> Coverage:
    """Return what of ``quantized`` ONNX Runtime runs in INT8.

    Args:
        graph: The float network it was made from: names and shapes.
        quantized: The same network with Q/DQ nodes.
        kept_float: Nodes left in float on purpose, with the reason.
        backend: The runtime.
    """
    optimized = _optimized(quantized, backend)
    integer = {_origin(node.name) for node in optimized.graph.node if node.op_type in _INTEGER}
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
        operators=dict(Counter(node.op_type for node in optimized.graph.node)),
    )


def _optimized(quantized: Graph, backend: OnnxRuntime) -> onnx.ModelProto:
    with TemporaryDirectory(prefix="edgekit-") as folder:
        path = Path(folder) / "optimized.onnx"
        with replace(backend, optimized_path=path).open(graph_to_bytes(quantized)):
            return onnx.load(path)


def _origin(name: str) -> str:
    """Return the name a node had before the runtime fused it and numbered the result."""
    return name.rsplit("_token_", 1)[0]
