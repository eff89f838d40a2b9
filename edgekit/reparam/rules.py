"""What the rewrites have in common: what they tell, and how a rule goes through a graph."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.graphs import graph_from_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edgekit.values import Graph


@dataclass(frozen=True)
class Rewrite:
    """Nodes that another one does the work of now.

    Attributes:
        rule: What kind of rewrite it is, in a few words.
        node: Name of the node that is left, before and after.
        gone: Names of the nodes that are gone, or do less.
        source: Name of the value that all of it starts from.
        value: Name of what ``node`` computes now.
        terms: Names of the values whose sum that was before; none where it was ``value`` itself.
    """

    rule: str
    node: str
    gone: tuple[str, ...]
    source: str
    value: str
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A node a rewrite left as it was, and why."""

    node: str
    reason: str


@dataclass(frozen=True, eq=False)
class Rewrites:
    """A rewritten graph, with what was done and what was not."""

    graph: Graph
    done: tuple[Rewrite, ...]
    refused: tuple[Refused, ...]


class RewritePass(ir.passes.InPlacePass):
    """A pass whose ``done`` and ``refused`` tell what its last run did."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Rewrite] = []
        self.refused: list[Refused] = []

    @abstractmethod
    def found(self, graph: ir.Graph) -> Iterator[Rewrite | Refused]:
        """Rewrite ``graph`` and yield what was done and what was not, one after the other."""

    def requires(self, model: ir.Model) -> None:
        """Refuse a graph with unnamed nodes: results are told by name."""
        if not all(node.name for node in model.graph):
            raise ir.passes.PreconditionError("Every node needs a name; run normal_form first.")

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite all that can be."""
        self.done, self.refused = [], []
        for found in self.found(model.graph):
            if isinstance(found, Refused):
                self.refused.append(found)
            else:
                self._add(found)
        return ir.passes.PassResult(model, modified=bool(self.done))

    def _add(self, found: Rewrite) -> None:
        """Add ``found``; what it goes on from is a part of it."""
        parts = {found.node, *found.gone}
        earlier = [done for done in self.done if done.node in parts]
        gone = dict.fromkeys(name for done in (*earlier, found) for name in done.gone)
        self.done = [done for done in self.done if done not in earlier]
        self.done.append(replace(found, gone=tuple(gone)))


class RewriteRule(RewritePass):
    """A pass that looks at one node at a time."""

    @abstractmethod
    def rewrite(self, node: ir.Node) -> Rewrite | Refused | None:
        """Rewrite around ``node`` and tell what was done, or why not, or nothing to tell."""

    def found(self, graph: ir.Graph) -> Iterator[Rewrite | Refused]:
        """Rewrite around every node, in graph order, and yield what there is to tell."""
        for node in tuple(graph):
            found = self.rewrite(node) if node.graph is graph else None
            if found is not None:
                yield found


def rewritten(graph: Graph, rule: RewritePass) -> Rewrites:
    """Return ``graph`` with ``rule`` applied to all of it; the same one where nothing was done."""
    model = graph.model.clone()
    rule(model)
    if not rule.done:
        return Rewrites(graph, (), tuple(rule.refused))
    common.RemoveUnusedNodesPass()(model)
    after = graph_from_model(model, parent=graph.sha256)
    return Rewrites(after, tuple(rule.done), tuple(rule.refused))


def only_reader(value: ir.Value) -> ir.Node | None:
    """Return the one node that reads ``value``, once, or ``None``.

    An output has other readers, and a reader within a branch of an If does not always run.
    """
    uses = value.uses()
    if value.is_graph_output() or len(uses) != 1:
        return None
    reader, producer = next(iter(uses)).node, value.producer()
    return reader if producer is None or reader.graph is producer.graph else None


def take_over(value: ir.Value, replaced: ir.Value) -> None:
    """Give the name and readers of ``replaced`` to ``value``, and remove the node it came from."""
    node, name = replaced.producer(), replaced.name
    assert node is not None
    assert node.graph is not None
    value.shape, value.type = replaced.shape, replaced.type
    replaced.replace_all_uses_with(value, replace_graph_outputs=True)
    node.graph.remove(node, safe=True)
    value.name = name


def remove_unread(nodes: Iterable[ir.Node]) -> None:
    """Remove those of ``nodes`` that nothing reads any more; readers stand behind what they read.

    Nodes that are removed already are passed over.
    """
    for node in reversed(tuple(nodes)):
        read = any(value.uses() or value.is_graph_output() for value in node.outputs)
        if isinstance(node.graph, ir.Graph) and not read:
            node.graph.remove(node, safe=True)
