"""Networks in one opset and an older one, side by side."""

from __future__ import annotations

import numpy as np
import onnx

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.export.lower_opset import lower_opset
from edgekit.graphs import graph_from_model, graph_from_proto, graph_to_bytes, graph_to_proto
from edgekit.reparam.normal_form import infer_shapes, normal_form
from tests.networks import proto

RUNTIME = OnnxRuntime(threads=1, optimize=False)


def graph_of(text: str, opset: int, **weights: np.ndarray):
    """The graph of ``text`` in ``opset``, in normal form, with shapes."""
    model = graph_from_proto(proto(text, opset, **weights)).model
    return graph_from_model(infer_shapes(normal_form(model)))


def outputs(graph, feeds):
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        return session.run(feeds)


def feeds_of(graph, seed=0):
    random = np.random.default_rng(seed)
    return {
        v.name: random.normal(size=tuple(v.shape)).astype(v.dtype.numpy())
        for v in graph.model.graph.inputs
    }


def largest_difference(graph, opset, feeds=None):
    """What writing ``graph`` in ``opset`` changes, relative to the largest output."""
    lowered = lower_opset(graph, opset)
    onnx.checker.check_model(graph_to_proto(lowered), full_check=True)
    assert lowered.model.opset_imports[""] == opset
    feeds = feeds_of(graph) if feeds is None else feeds
    before, after = outputs(graph, feeds), outputs(lowered, feeds)
    assert list(before) == list(after)
    pairs = [(b.astype(float), after[name].astype(float)) for name, b in before.items()]
    assert all(b.shape == a.shape for b, a in pairs)
    return max(np.abs(b - a).max() / (np.abs(b).max() or 1.0) for b, a in pairs)


def op_types(graph):
    return [node.op_type for node in graph.model.graph]
