"""Batch normalizations folded into the layer before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.graphs import graph_from_model
from edgekit.reparam.layers import (
    LINEAR_OPS,
    batchnorm_obstacle,
    batchnorm_of,
    fold,
    linear_of,
    set_linear,
    weight_obstacle,
)

if TYPE_CHECKING:
    from edgekit.values import Graph


@dataclass(frozen=True)
class Folded:
    """A layer that took in the batch normalization behind it.

    Attributes:
        node: Name of the layer, before and after.
        batchnorm: Name of the node that is gone.
        value: Name of what the pair computed, and the layer alone computes now.
    """

    node: str
    batchnorm: str
    value: str


@dataclass(frozen=True)
class Refused:
    """A node a rewrite left as it was, and why."""

    node: str
    reason: str


@dataclass(frozen=True, eq=False)
class RewriteResult:
    """A rewritten graph, with what was done and what was not."""

    graph: Graph
    folded: tuple[Folded, ...]
    refused: tuple[Refused, ...]


def fold_batchnorm(graph: Graph) -> RewriteResult:
    """Return ``graph`` with each batch normalization in the layer before it, where that is exact.

    Names of nodes and of the values they compute stay. A weight shared with another layer is
    copied. What cannot be folded stays as it is, with the reason.
    """
    model = graph.model.clone()
    rule = FoldBatchNorm()
    rule(model)
    common.RemoveUnusedNodesPass()(model)
    folded = graph_from_model(model, parent=graph.sha256)
    return RewriteResult(folded, tuple(rule.folded), tuple(rule.refused))


class FoldBatchNorm(ir.passes.InPlacePass):
    """The pass behind ``fold_batchnorm``; ``folded`` and ``refused`` tell what the last run did."""

    def __init__(self) -> None:
        super().__init__()
        self.folded: list[Folded] = []
        self.refused: list[Refused] = []

    def requires(self, model: ir.Model) -> None:
        """Refuse a graph with unnamed nodes: results are told by name."""
        if not all(node.name for node in model.graph):
            raise ir.passes.PreconditionError("Every node needs a name; run normal_form first.")

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold every batch normalization that can be."""
        self.folded, self.refused = [], []
        for node in _batchnorms(model):
            reason = _obstacle(node)
            if reason is None:
                self.folded.append(_fold(model.graph, node))
            else:
                self.refused.append(Refused(node.name or "", reason))
        return ir.passes.PassResult(model, modified=bool(self.folded))

    def ensures(self, model: ir.Model) -> None:
        """Check that every batch normalization left is a refused one."""
        left = [node.name for node in _batchnorms(model)]
        if left != [refused.node for refused in self.refused]:
            raise ir.passes.PostconditionError(f"Neither folded nor refused: {left}")


def _batchnorms(model: ir.Model) -> list[ir.Node]:
    return [node for node in model.graph if node.op_type == "BatchNormalization"]


def _fold(graph: ir.Graph, batchnorm: ir.Node) -> Folded:
    """Put ``batchnorm`` into its producer; ``_obstacle`` has found nothing against it."""
    statistics = batchnorm_of(batchnorm)
    node = _producer(batchnorm)
    layer = None if node is None else linear_of(node)
    assert node is not None
    assert layer is not None
    assert statistics is not None
    set_linear(node, fold(node, layer, statistics))
    value, replaced = node.outputs[0], batchnorm.outputs[0]
    name = replaced.name
    replaced.replace_all_uses_with(value, replace_graph_outputs=True)
    graph.remove(batchnorm, safe=True)
    value.name = name
    return Folded(node.name or "", batchnorm.name or "", name or "")


def _obstacle(batchnorm: ir.Node) -> str | None:
    """Return why ``batchnorm`` cannot go into the layer before it, or ``None``."""
    return batchnorm_obstacle(batchnorm) or _layer_obstacle(_producer(batchnorm))


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
