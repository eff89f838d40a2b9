"""What the smaller rewrites have in common: a rule looks at one node at a time."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.graphs import graph_from_model
from edgekit.reparam.fold import Refused

if TYPE_CHECKING:
    from edgekit.values import Graph


@dataclass(frozen=True)
class Rewrite:
    """Nodes that another one does the work of now.

    Attributes:
        rule: What kind of rewrite it is, in a few words.
        node: Name of the node that is left, before and after.
        gone: Names of the nodes that are gone, or do less.
        source: Name of the value that all of it starts from.
        value: Name of what they computed, and ``node`` alone computes now.
    """

    rule: str
    node: str
    gone: tuple[str, ...]
    source: str
    value: str


@dataclass(frozen=True, eq=False)
class Rewrites:
    """A rewritten graph, with what was done and what was not."""

    graph: Graph
    done: tuple[Rewrite, ...]
    refused: tuple[Refused, ...]


class RewriteRule(ir.passes.InPlacePass):
    """A pass that looks at each node; ``done`` and ``refused`` tell what the last run did."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Rewrite] = []
        self.refused: list[Refused] = []

    @abstractmethod
    def rewrite(self, node: ir.Node) -> Rewrite | Refused | None:
        """Rewrite around ``node`` and tell what was done, or why not, or nothing to tell."""

    def requires(self, model: ir.Model) -> None:
        """Refuse a graph with unnamed nodes: results are told by name."""
        if not all(node.name for node in model.graph):
            raise ir.passes.PreconditionError("Every node needs a name; run normal_form first.")

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite around every node, in graph order."""
        self.done, self.refused = [], []
        for node in tuple(model.graph):
            found = self.rewrite(node) if node.graph is model.graph else None
            if isinstance(found, Refused):
                self.refused.append(found)
            elif found is not None:
                self._add(found)
        return ir.passes.PassResult(model, modified=bool(self.done))

    def _add(self, found: Rewrite) -> None:
        """Add ``found``; what it goes on from is a part of it."""
        parts = {found.node, *found.gone}
        earlier = [done for done in self.done if done.node in parts]
        gone = tuple(name for done in earlier for name in done.gone)
        self.done = [done for done in self.done if done not in earlier]
        self.done.append(replace(found, gone=(*gone, *found.gone)))


def rewritten(graph: Graph, rule: RewriteRule) -> Rewrites:
    """Return ``graph`` with ``rule`` applied to every node; the same one where nothing was done."""
    model = graph.model.clone()
    rule(model)
    if not rule.done:
        return Rewrites(graph, (), tuple(rule.refused))
    common.RemoveUnusedNodesPass()(model)
    after = graph_from_model(model, parent=graph.sha256)
    return Rewrites(after, tuple(rule.done), tuple(rule.refused))


def only_reader(value: ir.Value) -> ir.Node | None:
    """Return the one node that reads ``value``, once, or ``None``; an output has other readers."""
    uses = value.uses()
    if value.is_graph_output() or len(uses) != 1:
        return None
    return next(iter(uses)).node


def take_over(value: ir.Value, replaced: ir.Value) -> None:
    """Give the name and readers of ``replaced`` to ``value``, and remove the node it came from."""
    node, name = replaced.producer(), replaced.name
    assert node is not None
    assert node.graph is not None
    value.shape, value.type = replaced.shape, replaced.type
    replaced.replace_all_uses_with(value, replace_graph_outputs=True)
    node.graph.remove(node, safe=True)
    value.name = name
