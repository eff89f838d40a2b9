"""Constants that multiply or move whole channels, worked into the layer before or behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from edgekit.reparam.algebra import Line, absorb_conv, absorb_gemm
from edgekit.reparam.branches import branch_of, is_image
from edgekit.reparam.layers import (
    LINEAR_OPS,
    batchnorm_obstacle,
    batchnorm_of,
    constant_of,
    fold,
    linear_of,
    range_obstacle,
    set_linear,
    weight_obstacle,
)
from edgekit.reparam.rules import (
    Refused,
    Rewrite,
    RewriteRule,
    only_reader,
    rewritten,
    take_over,
)

if TYPE_CHECKING:
    from edgekit.reparam.algebra import Doubles
    from edgekit.reparam.rules import Rewrites
    from edgekit.values import Graph

_ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div"})
_CARRIERS = frozenset({"Cast", "Transpose", "Reshape"})
_LEARNED = frozenset({*LINEAR_OPS, "MatMul"})


def fold_lines(graph: Graph) -> Rewrites:
    """Return ``graph`` with constants around a layer in the layer, where that is exact.

    Behind a Conv, ConvTranspose or Gemm these are Add, Sub, Mul or Div by one constant number, or
    one per channel: implicit knowledge, layer scale. Before a Conv or Gemm also a batch
    normalization, unless it moves a channel and the Conv sees padding. What stays is told with
    the reason where nothing but the layer stands beside it; arithmetic that other nodes read too,
    as in a hard-swish, is not asked for.

    Source:
        Wang et al., "You Only Learn One Representation" (2021), for implicit knowledge.
    """
    return rewritten(graph, FoldLines())


class FoldLines(RewriteRule):
    """The pass behind ``fold_lines``."""

    def rewrite(self, node: ir.Node) -> Rewrite | Refused | None:
        """Put ``node`` into the layer before it, else into the one behind it."""
        source = _data(node)
        if source is None:
            return None
        layer = source.producer()
        if node.op_type in _ARITHMETIC and layer is not None and only_reader(source) is node:
            if layer.op_type in LINEAR_OPS:
                return _into_the_layer_before(node, layer)
            if _is_gate(layer):
                return None
        reader = only_reader(node.outputs[0])
        if reader is None or reader.op_type not in {"Conv", "Gemm"}:
            return None
        return _into_the_layer_behind(node, source, reader)


def line_of(node: ir.Node, channels: int, rank: int) -> Line | None:
    """Return what ``node`` does to each of ``channels``, or ``None`` where it does something else.

    Args:
        node: A BatchNormalization, or an Add, Sub, Mul or Div.
        channels: Of the value it changes.
        rank: Number of dimensions of that value; channels are the second.
    """
    if node.op_type == "BatchNormalization":
        bn = None if batchnorm_obstacle(node) else batchnorm_of(node)
        return None if bn is None else Line(bn.scale, bn.shifted(np.zeros_like(bn.mean)))
    constants = [_per_channel(constant_of(value), channels, rank) for value in node.inputs]
    number = next((c for c in constants if c is not None), None)
    return None if number is None else _line(node.op_type, number, data_first=constants[0] is None)


def _line(op_type: str, number: Doubles, *, data_first: bool) -> Line | None:
    """Return the line that arithmetic with ``number`` is, one for each channel."""
    one, zero = np.ones_like(number), np.zeros_like(number)
    match op_type:
        case "Add":
            return Line(one, number)
        case "Sub":
            return Line(one, -number) if data_first else Line(-one, number)
        case "Mul":
            return Line(number, zero)
        case "Div" if data_first and np.all(number):
            return Line(1 / number, zero)
    return None


def _per_channel(constant: Doubles | None, channels: int, rank: int) -> Doubles | None:
    """Return the one number for each channel that ``constant`` spreads to, or ``None``."""
    if constant is None or constant.ndim > rank or not np.all(np.isfinite(constant)):
        return None
    wide = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
    if wide.size != wide.shape[1] or wide.size not in {1, channels}:
        return None
    return np.broadcast_to(wide.reshape(-1), (channels,))


def _data(node: ir.Node) -> ir.Value | None:
    """Return what ``node`` changes, if it is arithmetic with a constant or a normalization."""
    if node.op_type == "BatchNormalization":
        return node.inputs[0]
    if node.op_type not in _ARITHMETIC:
        return None
    computed = [v for v in node.inputs if v is not None and constant_of(v) is None]
    return computed[0] if len(computed) == 1 else None


def _into_the_layer_before(node: ir.Node, layer: ir.Node) -> Rewrite | Refused | None:
    reason = weight_obstacle(layer)
    if reason is not None:
        return Refused(str(node.name), reason)
    linear = linear_of(layer)
    assert linear is not None
    line = line_of(node, len(linear.bias), linear.weight.ndim)
    if line is None:
        return None
    if np.ptp(line.scale) == np.ptp(line.shift) == 0 and not _feeds_a_layer(node):
        return Refused(str(node.name), "it belongs to the decode: no layer stands behind it")
    folded = fold(layer, linear, line)
    reason = range_obstacle(layer, folded)
    if reason is not None:
        return Refused(str(node.name), reason)
    set_linear(layer, folded, "scaled")
    value, source = str(node.outputs[0].name), _name(layer.inputs[0])
    take_over(layer.outputs[0], node.outputs[0])
    return Rewrite("a constant behind a layer", str(layer.name), (str(node.name),), source, value)


def _into_the_layer_behind(
    node: ir.Node, source: ir.Value, layer: ir.Node
) -> Rewrite | Refused | None:
    if layer.inputs[0] is not node.outputs[0]:
        return None
    reason = weight_obstacle(layer)
    if reason is not None:
        return Refused(str(node.name), reason)
    linear = linear_of(layer)
    assert linear is not None
    groups = layer.attributes.get_int("group", 1)
    channels = linear.weight.shape[0 if layer.op_type == "Gemm" else 1] * groups
    rank = linear.weight.ndim
    line = line_of(node, channels, rank)
    shape = source.shape
    if line is None or shape is None or shape.rank() != rank or shape[1] != channels:
        return None
    gemm = layer.op_type == "Gemm"
    absorbed = absorb_gemm(linear, line) if gemm else absorb_conv(linear, line, groups)
    reason = _obstacle_behind(node, line, layer) or range_obstacle(layer, absorbed)
    if reason is not None:
        return Refused(str(node.name), reason)
    set_linear(layer, absorbed, "scaled")
    layer.replace_input_with(0, source)
    assert isinstance(node.graph, ir.Graph)
    node.graph.remove(node, safe=True)
    value = _name(layer.outputs[0])
    kind = "a constant" if node.op_type in _ARITHMETIC else "a batch normalization"
    rule = f"{kind} before a layer"
    return Rewrite(rule, str(layer.name), (str(node.name),), _name(source), value)


def _obstacle_behind(node: ir.Node, line: Line, layer: ir.Node) -> str | None:
    """Return why ``line`` cannot go into ``layer`` behind it, or ``None``."""
    if node.op_type in _ARITHMETIC and _prepares_images(node):
        return "it prepares the images, and how they are to be prepared is read off it"
    if layer.op_type == "Conv" and np.any(line.shift) and _sees_padding(layer):
        return (
            f"'{layer.name}' behind it pads with zeros, which it does not move as it moves "
            "the image"
        )
    return None


def _prepares_images(node: ir.Node) -> bool:
    """Return whether nothing but such arithmetic lies between the network's input and ``node``."""
    value = _data(node)
    while value is not None and (producer := value.producer()) is not None:
        value = producer.inputs[0] if producer.op_type in _CARRIERS else _data(producer)
    return value is not None and value.is_graph_input()


def _sees_padding(conv: ir.Node) -> bool:
    """Return whether an output of ``conv`` may read outside the image."""
    auto = conv.attributes.get_string("auto_pad", "NOTSET")
    if not auto.startswith("SAME"):
        return auto == "NOTSET" and any(conv.attributes.get_ints("pads", (0, 0, 0, 0)))
    if conv.inputs[0] is None or not is_image(conv.inputs[0]):
        return True
    branch = branch_of(conv)
    return branch.rows.padded or branch.cols.padded


def _is_gate(node: ir.Node) -> bool:
    """Return whether ``node`` multiplies two computed values: the body of an activation."""
    return node.op_type == "Mul" and all(constant_of(value) is None for value in node.inputs)


def _feeds_a_layer(node: ir.Node) -> bool:
    """Return whether a layer with a constant weight stands anywhere behind ``node``."""
    left, seen = [node], {node}
    while left:
        outputs = left.pop().outputs
        for reader in (reader for value in outputs for reader in value.consumers()):
            if reader.op_type in _LEARNED and constant_of(reader.inputs[1]) is not None:
                return True
            if reader not in seen:
                seen.add(reader)
                left.append(reader)
    return False


def _name(value: ir.Value | None) -> str:
    assert value is not None
    return str(value.name)
