"""Linear layers and batch normalizations as ONNX nodes carry them."""

from __future__ import annotations

from itertools import chain, count

import numpy as np
import onnx_ir as ir

from edgekit.reparam.algebra import (
    BatchNorm,
    Doubles,
    Line,
    Linear,
    fold_conv,
    fold_conv_transpose,
    fold_gemm,
)

LINEAR_OPS = ("Conv", "ConvTranspose", "Gemm")


def constant_of(value: ir.Value | None) -> Doubles | None:
    """Return the constant behind ``value`` in float64, or ``None`` where it is computed."""
    tensor = None if value is None else ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy().astype(np.float64)


def batchnorm_of(node: ir.Node) -> BatchNorm | None:
    """Return the statistics of a BatchNormalization node, or ``None`` where one is computed."""
    gamma, beta, mean, var = (constant_of(value) for value in node.inputs[1:5])
    if gamma is None or beta is None or mean is None or var is None:
        return None
    return BatchNorm(gamma, beta, mean, var, node.attributes.get_float("epsilon", 1e-5))


def linear_of(node: ir.Node) -> Linear | None:
    """Return the weight and bias of a node of ``LINEAR_OPS``, zeros for an absent bias.

    ``None`` where one is computed, or the bias is not one number per output channel. A Gemm's
    come with ``alpha``, ``beta`` and ``transB`` worked in, weight ``(in, out)``.
    """
    given_bias = node.inputs[2] if len(node.inputs) > 2 else None
    weight = constant_of(node.inputs[1])
    bias = np.zeros(1) if given_bias is None else constant_of(given_bias)
    transposed_input = node.attributes.get_int("transA", 0)
    if weight is None or bias is None or transposed_input:
        return None
    if node.op_type == "Gemm":
        weight = weight.T if node.attributes.get_int("transB", 0) else weight
        weight = weight * node.attributes.get_float("alpha", 1.0)
        bias = bias * node.attributes.get_float("beta", 1.0)
    channels = _channels(node, weight)
    if bias.size != 1 and bias.shape not in {(channels,), (1, channels)}:
        return None
    return Linear(weight, np.broadcast_to(bias.reshape(-1), (channels,)))


def fold(node: ir.Node, layer: Linear, bn: BatchNorm | Line) -> Linear:
    """Return the ``layer`` of ``node`` with the line behind it worked in."""
    if node.op_type == "Conv":
        return fold_conv(layer, bn)
    if node.op_type == "ConvTranspose":
        return fold_conv_transpose(layer, bn, node.attributes.get_int("group", 1))
    return fold_gemm(layer, bn)


def weight_obstacle(node: ir.Node) -> str | None:
    """Return why the layer of a node of ``LINEAR_OPS`` cannot be rewritten, or ``None``."""
    layer = linear_of(node)
    if layer is None:
        return f"'{node.name}' has no constant weight with one constant bias per channel"
    if layer.weight.ndim != (2 if node.op_type == "Gemm" else 4):
        return f"'{node.name}' is not a layer over images: its weight is {layer.weight.shape}"
    return None


def batchnorm_obstacle(node: ir.Node) -> str | None:
    """Return why a BatchNormalization node is not one fixed line per channel, or ``None``."""
    if node.attributes.get_int("training_mode", 0) or len(node.outputs) > 1:
        return "it is in training mode: its statistics change with each input"
    statistics = batchnorm_of(node)
    if statistics is None:
        return "its scale, bias, mean or variance is computed, not constant"
    with np.errstate(invalid="ignore", divide="ignore"):
        if not np.all(np.isfinite(statistics.scale)):
            return "its variance plus epsilon is not positive in every channel"
    return None


def range_obstacle(node: ir.Node, layer: Linear) -> str | None:
    """Return why ``node`` cannot hold the numbers of ``layer``, or ``None``."""
    weight = node.inputs[1]
    assert weight is not None
    assert weight.dtype is not None
    largest = np.finfo(weight.dtype.numpy()).max
    if max(np.max(np.abs(layer.weight)), np.max(np.abs(layer.bias))) <= largest:
        return None
    return f"the weights of '{node.name}' would leave the range of {weight.dtype.name.lower()}"


def set_linear(node: ir.Node, layer: Linear, origin: str = "folded") -> None:
    """Give ``node`` the weight and bias of ``layer`` as initializers of its own.

    They are called after the node, the role and ``origin``, the rewrite they come from.
    """
    graph = node.graph
    weight = node.inputs[1]
    assert isinstance(graph, ir.Graph)
    assert weight is not None
    assert weight.dtype is not None
    node.resize_inputs(3)
    for index, (role, array) in enumerate((("weight", layer.weight), ("bias", layer.bias)), 1):
        name = f"{node.name}.{role}.{origin}"
        node.replace_input_with(index, initializer(graph, name, array, weight.dtype))
    if node.op_type == "Gemm":
        for attribute in ("alpha", "beta", "transB"):
            node.attributes.pop(attribute, None)


def initializer(graph: ir.Graph, name: str, array: Doubles, dtype: ir.DataType) -> ir.Value:
    """Return a new initializer of ``graph``, called ``name`` or as near to it as is free."""
    free = _free_name(graph, name)
    tensor = ir.tensor(np.ascontiguousarray(array, dtype.numpy()), name=free)
    value = ir.val(free, const_value=tensor)
    graph.register_initializer(value)
    return value


def _free_name(graph: ir.Graph, name: str) -> str:
    """Return ``name``, numbered where an initializer of an earlier rewrite still has it."""
    numbered = (f"{name}_{number}" for number in count(1))
    return next(n for n in chain((name,), numbered) if n not in graph.initializers)


def _channels(node: ir.Node, weight: Doubles) -> int:
    if node.op_type == "Conv":
        return int(weight.shape[0])
    return int(weight.shape[1] * node.attributes.get_int("group", 1))
