"""The nodes that change precision together: a layer and what belongs to it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.quantize.plan import constant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import onnx_ir as ir

    from edgekit.quantize.plan import Plan
    from edgekit.values import Graph

_FLOAT = frozenset({""})  # what comes from the image or from a node that stays in float


def layer_groups(
    graph: Graph, plan: Plan, alone: Collection[str] = ()
) -> dict[str, frozenset[str]]:
    """Return the nodes of every layer that ``plan`` quantizes, by the layer's name.

    A layer is a node with weights; to it belong the activations, poolings and the like behind it
    that compute with its output alone. What joins several layers (an Add, a Concat) belongs to
    none: it runs in INT8 wherever one of its inputs does.

    Args:
        graph: The network in float.
        plan: Of that network.
        alone: Nodes that change precision by themselves where they belong to no layer.
    """
    groups: dict[str, set[str]] = {}
    layers_of: dict[str, frozenset[str]] = {}
    for node in graph.model.graph:
        name, made_of = str(node.name), _FLOAT
        if name in plan.nodes and node.op_type in plan.rules.weighted:
            made_of = frozenset({name})
            groups[name] = {name}
        elif name in plan.nodes:
            made_of = frozenset().union(*(layers_of.get(str(v.name), _FLOAT) for v in _data(node)))
            if len(made_of) == 1 and made_of != _FLOAT:
                groups[next(iter(made_of))].add(name)
            elif name in alone:
                groups[name] = {name}
        layers_of.update({str(o.name): made_of for o in node.outputs})
    return {layer: frozenset(nodes) for layer, nodes in groups.items()}


def _data(node: ir.Node) -> Iterator[ir.Value]:
    return (v for v in node.inputs if v is not None and not constant(v))
