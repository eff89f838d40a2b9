"""Conv and MatMul with activations in 16-bit integers, as ONNX Runtime's CPU provider runs them."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit.backends.onnxruntime import OnnxRuntime

SHAPES = {"Conv": ((1, 64, 80, 80), (64, 64, 3, 3)), "MatMul": ((1, 400, 256), (256, 256))}
TYPES = {"float32": None, "u8": np.uint8, "u16": np.uint16, "s16": np.int16}
RUNS = 50


def run() -> dict[str, dict[str, Any]]:
    """Return, for every operator and activation type, its best time and the nodes that ran."""
    found = {}
    for operator in SHAPES:
        models = {name: model(operator, dtype) for name, dtype in TYPES.items()}
        found[operator] = {
            name: timed(proto, SHAPES[operator][0]) for name, proto in models.items()
        }
    return found


def model(operator: str, dtype: type[np.integer] | None) -> onnx.ModelProto:
    """Return ``operator`` alone, its input and output quantized to ``dtype``; weights are s8."""
    shape, weight_shape = SHAPES[operator]
    rng = np.random.default_rng(0)
    weight = rng.integers(-60, 60, weight_shape).astype(np.int8)
    attributes = {"pads": [1, 1, 1, 1]} if operator == "Conv" else {}
    if dtype is None:
        constants = {"weight": weight.astype(np.float32)}
        nodes = [helper.make_node(operator, ["x", "weight"], ["y"], **attributes)]
    else:
        limits = np.iinfo(dtype)
        scale = np.float32(16 / (int(limits.max) - int(limits.min)))
        zero = dtype((int(limits.max) + int(limits.min) + 1) // 2)
        constants = {"s": scale, "z": zero, "w": weight, "ws": np.float32(1e-3), "wz": np.int8(0)}
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
            helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["weight"]),
            helper.make_node(operator, ["d", "weight"], ["f"], **attributes),
            helper.make_node("QuantizeLinear", ["f", "s", "z"], ["p"]),
            helper.make_node("DequantizeLinear", ["p", "s", "z"], ["y"]),
        ]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()]
    graph = helper.make_graph(nodes, operator, [x], [y], tensors)
    opsets = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def timed(proto: onnx.ModelProto, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the shortest of ``RUNS`` on one thread, and the nodes of the runtime's own graph."""
    x = np.random.default_rng(1).normal(0, 1, shape).astype(np.float32)
    times = []
    with tempfile.TemporaryDirectory() as folder:
        optimized = Path(folder) / "optimized.onnx"
        runtime = replace(OnnxRuntime(threads=1), optimized_path=optimized)
        with runtime.open(proto.SerializeToString()) as session:
            for _ in range(RUNS):
                start = time.perf_counter()
                session.run({"x": x})
                times.append(time.perf_counter() - start)
        nodes = Counter(node.op_type for node in onnx.load(optimized).graph.node)
    return {"best_ms": round(min(times) * 1e3, 3), "nodes": dict(sorted(nodes.items()))}
