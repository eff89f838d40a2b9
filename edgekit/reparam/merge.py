"""Parallel linear branches, added up, merged into one convolution."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.graphs import graph_from_model
from edgekit.reparam.branches import branch_of, joined, obstacle, write_branch
from edgekit.reparam.fold import Refused
from edgekit.reparam.layers import batchnorm_obstacle, linear_of
from edgekit.reparam.trees import sum_tree, sum_trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.reparam.branches import Branch
    from edgekit.reparam.trees import SumTree
    from edgekit.values import Graph


@dataclass(frozen=True)
class Merged:
    """Branches of one value that are a single Conv now.

    Attributes:
        node: Name of the Conv, the largest of ``branches``.
        branches: Names of the nodes whose sum it computes.
        identities: How many times that sum has the value itself as a term.
        source: Name of the value they all read.
        value: Name of the sum.
    """

    node: str
    branches: tuple[str, ...]
    identities: int
    source: str
    value: str


@dataclass(frozen=True, eq=False)
class MergeResult:
    """A rewritten graph, with what was merged and what was not."""

    graph: Graph
    merged: tuple[Merged, ...]
    refused: tuple[Refused, ...]


def merge_branches(graph: Graph) -> MergeResult:
    """Return ``graph`` with the linear branches that are added up merged, where that is exact.

    A branch is a Conv, a batch normalization or the value itself; those of one value that line up
    become one Conv, unless that takes more multiply-accumulates than they do. What else is in the
    sum stays in it. Names of sums and of the largest Conv of each stay. A branch that cannot be
    merged with the others of its value stays as it is, with the reason.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.3; Wang et al., "YOLOv10" (NeurIPS 2024),
        for depthwise kernels of two sizes.
    """
    model = graph.model.clone()
    rule = MergeBranches()
    rule(model)
    common.RemoveUnusedNodesPass()(model)
    merged = graph_from_model(model, parent=graph.sha256)
    return MergeResult(merged, tuple(rule.merged), tuple(rule.refused))


class MergeBranches(ir.passes.InPlacePass):
    """The pass behind ``merge_branches``; ``merged`` and ``refused`` tell what the last run did."""

    def __init__(self) -> None:
        super().__init__()
        self.merged: list[Merged] = []
        self.refused: list[Refused] = []

    def requires(self, model: ir.Model) -> None:
        """Refuse a graph with unnamed nodes: results are told by name."""
        if not all(node.name for node in model.graph):
            raise ir.passes.PreconditionError("Every node needs a name; run normal_form first.")

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Merge every group of branches that can be."""
        self.merged, self.refused = [], []
        for tree in sum_trees(model.graph):
            plan = _plan(tree)
            self.refused += plan.refused
            if plan.branches:
                self.merged += _apply(model.graph, tree, plan.branches)
        return ir.passes.PassResult(model, modified=bool(self.merged))

    def ensures(self, model: ir.Model) -> None:
        """Check that nothing is left to merge."""
        left = [tree.root.name for tree in sum_trees(model.graph) if _plan(tree).branches]
        if left:
            raise ir.passes.PostconditionError(f"Branches left to merge in the sums of {left}")


@dataclass(frozen=True)
class _Plan:
    """What becomes of one sum: ``branches`` are those that several of its terms make up."""

    branches: tuple[Branch, ...]
    refused: tuple[Refused, ...]


def _plan(tree: SumTree) -> _Plan:
    branches: list[Branch] = []
    refused: list[Refused] = []
    for source, leaves in _families(tree).items():
        reasons = [_leaf_obstacle(leaf, source, tree) for leaf in leaves]
        pairs = list(zip(leaves, reasons, strict=True))
        refused += [Refused(_name(leaf, source), reason) for leaf, reason in pairs if reason]
        found = _joined([branch_of(leaf, source) for leaf, reason in pairs if reason is None])
        branches += [branch for branch in found if len(branch.leaves) > 1]
        for alone in (branch for branch in found[1:] if len(branch.leaves) == 1):
            refused.append(Refused(alone.name, obstacle(found[0], alone) or ""))
    return _Plan(tuple(branches), tuple(dict.fromkeys(refused)))


def _families(tree: SumTree) -> dict[ir.Value, list[ir.Value]]:
    """Return, by the value they read, the terms that could be one Conv: two, one of them a Conv."""
    sources = {_read(leaf, "Conv") for leaf in tree.leaves}
    families: dict[ir.Value, list[ir.Value]] = {}
    for leaf in tree.leaves:
        source = leaf if leaf in sources else _read(leaf, "Conv", "BatchNormalization")
        if source is not None and source in sources:
            families.setdefault(source, []).append(leaf)
    return {source: leaves for source, leaves in families.items() if len(leaves) > 1}


def _read(leaf: ir.Value, *op_types: str) -> ir.Value | None:
    """Return what the node of ``op_types`` that gives ``leaf`` reads, or ``None``."""
    node = leaf.producer()
    return node.inputs[0] if node is not None and node.op_type in op_types else None


def _joined(branches: Sequence[Branch]) -> list[Branch]:
    """Return ``branches``, largest first, with those that can be one joined until none can."""
    found = sorted(branches, key=lambda b: (b.macs, b.node is not None), reverse=True)
    while pair := next((p for p in combinations(found, 2) if obstacle(*p) is None), None):
        large, small = pair
        found.remove(small)
        found[found.index(large)] = joined(large, small)
    return found


def _leaf_obstacle(leaf: ir.Value, source: ir.Value, tree: SumTree) -> str | None:
    """Return why the term ``leaf`` is no branch of ``source``, or ``None``."""
    if source.shape is None or source.shape.rank() != 4 or not source.shape.is_static():
        return f"its input '{source.name}' is no image of a known size"
    if leaf is source:
        return None
    if leaf.is_graph_output():
        return "its result is also an output of the network"
    if len(leaf.uses()) > 1:
        others = [node.name for node in leaf.consumers() if node not in (tree.root, *tree.inner)]
        return f"its result is also used by '{others[0]}'" if others else "it is added twice"
    node = _node(leaf)
    if node.op_type == "BatchNormalization":
        return batchnorm_obstacle(node)
    return None if linear_of(node) else "its weight or bias is computed, not constant"


def _apply(graph: ir.Graph, tree: SumTree, branches: Sequence[Branch]) -> list[Merged]:
    """Rewrite the sum ``tree`` with one term for each of ``branches``."""
    done = [_merged(tree, branch) for branch in branches]
    sums = [write_branch(branch).outputs[0] for branch in branches]
    absorbed = {leaf for branch in branches for leaf in branch.leaves} - set(sums)
    gone = [_node(leaf) for b in branches for leaf in b.leaves if leaf in absorbed - {b.source}]
    terms = [leaf for leaf in tree.leaves if leaf not in absorbed]
    if len(terms) == 1:
        gone.append(tree.root)
        tree.root.outputs[0].replace_all_uses_with(terms[0], replace_graph_outputs=True)
    else:
        _add_up(graph, tree.root, terms)
    graph.remove([*gone, *tree.inner], safe=True)
    for value, merged in zip(sums, done, strict=True):
        value.name = merged.value
    return done


def _merged(tree: SumTree, branch: Branch) -> Merged:
    conv = "" if branch.node is None else str(branch.node.name)
    exact = (
        n for n in (tree.root, *tree.inner) if Counter(sum_tree(n).leaves) == Counter(branch.leaves)
    )
    value = next((str(n.outputs[0].name) for n in exact), f"{conv}.merged")
    leaves = [leaf for leaf in tree.leaves if leaf in branch.leaves]
    nodes = tuple(str(_node(leaf).name) for leaf in leaves if leaf is not branch.source)
    identities = len(leaves) - len(nodes)
    return Merged(conv, nodes, identities, str(branch.source.name), value)


def _add_up(graph: ir.Graph, root: ir.Node, terms: Sequence[ir.Value]) -> None:
    """Make ``root`` the sum of ``terms``, two or more."""
    if root.op_type == "Add":
        total, *rest, last = terms
        for number, term in enumerate(rest):
            node = ir.node("Add", [total, term], name=f"{root.name}.{number}")
            graph.insert_before(root, node)
            total = node.outputs[0]
            total.name, total.type = f"{node.name}.sum", term.type
        terms = (total, last)
    root.resize_inputs(len(terms))
    for index, term in enumerate(terms):
        root.replace_input_with(index, term)


def _node(leaf: ir.Value) -> ir.Node:
    node = leaf.producer()
    assert node is not None
    return node


def _name(leaf: ir.Value, source: ir.Value) -> str:
    return str(leaf.name if leaf is source else _node(leaf).name)
