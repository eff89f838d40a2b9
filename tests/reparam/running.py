"""Graphs as the runtime reads them: without its own optimizations, on one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_to_bytes

if TYPE_CHECKING:
    import numpy as np

    from edgekit.values import Graph

RUNTIME = OnnxRuntime(threads=1, optimize=False)


def run(graph: Graph, x: np.ndarray) -> np.ndarray:
    """What ``graph`` gives as ``y`` for ``x``."""
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        return session.run({"x": x})["y"]


def op_types(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.model.graph]
