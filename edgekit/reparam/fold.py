"""Batch normalizations folded into the layer before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.reparam.layers import (
    LINEAR_OPS,
    batchnorm_obstacle,
    batchnorm_of,
    fold,
    linear_of,
    range_obstacle,
    set_linear,
    weight_obstacle,
)
from edgekit.reparam.rules import Refused, Rewrite, RewriteRule, rewritten, take_over

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.reparam.rules import Rewrites
    from edgekit.values import Graph

FOLDED = "a batch normalization behind a layer"


def fold_batchnorm(graph: Graph) -> Rewrites:
    """Return ``graph`` with each batch normalization in the layer before it, where that is exact.

    Names of nodes and of the values they compute stay. A weight shared with another layer is
    copied. What cannot be folded stays as it is, with the reason.
    """
    return rewritten(graph, FoldBatchNorm())


class FoldBatchNorm(RewriteRule):
    """The pass behind ``fold_batchnorm``."""

    def rewrite(self, node: ir.Node) -> Rewrite | Refused | None:
        """Put ``node`` into the layer before it."""
        if node.op_type != "BatchNormalization":
            return None
        layer = _producer(node)
        reason = batchnorm_obstacle(node) or _layer_obstacle(layer)
        if reason is not None or layer is None:
            return Refused(str(node.name), reason or "")
        linear, statistics = linear_of(layer), batchnorm_of(node)
        assert linear is not None
        assert statistics is not None
        assert layer.inputs[0] is not None
        folded = fold(layer, linear, statistics)
        reason = range_obstacle(layer, folded)
        if reason is not None:
            return Refused(str(node.name), reason)
        set_linear(layer, folded)
        source, value = str(layer.inputs[0].name), str(node.outputs[0].name)
        take_over(layer.outputs[0], node.outputs[0])
        return Rewrite(FOLDED, str(layer.name), (str(node.name),), source, value)


def _layer_obstacle(node: ir.Node | None) -> str | None:
    """Return why ``node`` cannot take in the batch normalization behind it, or ``None``."""
    if node is None:
        return "its input is the network's own input, not a layer's output"
    if node.op_type not in LINEAR_OPS:
        return f"its input comes from '{node.name}', a {node.op_type}, not from a linear layer"
    return _use_obstacle(node) or weight_obstacle(node)


def _use_obstacle(node: ir.Node) -> str | None:
    value = node.outputs[0]
    if value.is_graph_output():
        return f"the output of '{node.name}' is also an output of the network"
    if len(value.uses()) > 1:
        return f"the output of '{node.name}' is also used by {_other_users(value)}"
    return None


def _other_users(value: ir.Value) -> str:
    names = [n.name for n in value.consumers() if n.op_type != "BatchNormalization"]
    return f"'{names[0]}'" if names else "another batch normalization"


def _producer(batchnorm: ir.Node) -> ir.Node | None:
    source = batchnorm.inputs[0]
    return None if source is None else source.producer()
