"""Parallel linear branches, added up, merged into one convolution."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.reparam.branches import (
    BRANCH_OPS,
    branch_obstacle,
    branch_of,
    identity_of,
    is_image,
    write_branch,
)
from edgekit.reparam.joins import added, chain_obstacle, chained, sum_obstacle
from edgekit.reparam.rules import (
    Refused,
    Rewrite,
    RewritePass,
    Rewrites,
    only_reader,
    remove_unread,
    rewritten,
    take_over,
)
from edgekit.reparam.trees import sum_tree, sum_trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgekit.reparam.branches import Branch
    from edgekit.reparam.trees import SumTree
    from edgekit.values import Graph


@dataclass(frozen=True)
class Merged(Rewrite):
    """Branches of one value that are a single Conv now, called as the largest of them.

    Attributes:
        branches: Names of the nodes that gave the terms.
        identities: How many times the sum has the value itself as a term.
    """

    branches: tuple[str, ...] = ()
    identities: int = 0


class MergeResult(Rewrites):
    """A rewritten graph, with what was merged and what was not."""

    @property
    def merged(self) -> tuple[Merged, ...]:
        """What was done: there is nothing but merges."""
        return tuple(done for done in self.done if isinstance(done, Merged))


def merge_branches(graph: Graph) -> MergeResult:
    """Return ``graph`` with the linear branches that are added up merged, where that is exact.

    A branch is a Conv, a batch normalization, an average pool, several of them in a row, or the
    value itself; those of one value that line up become one Conv, unless that takes more
    multiply-accumulates than they do. What else is in the sum stays in it. Names of sums and of
    the largest Conv of each stay. A branch that cannot be merged with the others of its value
    stays as it is, with the reason.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.3; Ding et al., "Diverse Branch Block" (CVPR
        2021), for sequences and average pools; Wang et al., "YOLOv10" (NeurIPS 2024), for
        depthwise kernels of two sizes.
    """
    result = rewritten(graph, MergeBranches())
    return MergeResult(result.graph, result.done, result.refused)


class MergeBranches(RewritePass):
    """The pass behind ``merge_branches``."""

    def found(self, graph: ir.Graph) -> Iterator[Rewrite | Refused]:
        """Merge every group of branches that can be, and yield what there is to tell."""
        refused: list[Refused] = []
        at_rest = False
        while not at_rest:  # a merge may leave a sum in which the next is possible
            at_rest, refused = True, []
            for tree in sum_trees(graph):
                plan = _plan(tree)
                refused += plan.refused
                if plan.branches:
                    at_rest = False
                    yield from _apply(graph, tree, plan.branches)
        yield from refused

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
        terms = [(leaf, _term(leaf, source, tree)) for leaf in leaves]
        refused += [Refused(_name(leaf, source), t) for leaf, t in terms if isinstance(t, str)]
        found = _joined([term for _, term in terms if not isinstance(term, str)])
        branches += [branch for branch in found if len(branch.leaves) > 1]
        for alone in (branch for branch in found[1:] if len(branch.leaves) == 1):
            refused.append(Refused(alone.name, sum_obstacle(found[0], alone) or ""))
    return _Plan(tuple(branches), tuple(dict.fromkeys(refused)))


def _families(tree: SumTree) -> dict[ir.Value, list[ir.Value]]:
    """Return, by the value they start from, the terms that could be one Conv: two, one a Conv."""
    chains = {leaf: _chain(leaf) for leaf in tree.leaves}
    sources = {
        _source(nodes) for nodes in chains.values() if any(n.op_type == "Conv" for n in nodes)
    }
    families: dict[ir.Value, list[ir.Value]] = {}
    for leaf in tree.leaves:
        source = _source(chains[leaf]) if chains[leaf] and leaf not in sources else leaf
        if source in sources:
            families.setdefault(source, []).append(leaf)
    return {source: leaves for source, leaves in families.items() if len(leaves) > 1}


def _chain(leaf: ir.Value) -> tuple[ir.Node, ...]:
    """Return the linear nodes that end in ``leaf``, as far back as nothing else reads them."""
    nodes: list[ir.Node] = []
    value = leaf
    while (node := value.producer()) is not None and node.op_type in BRANCH_OPS:
        if nodes and only_reader(value) is None:
            break
        nodes.insert(0, node)
        value = _source(nodes)
    return tuple(nodes)


def _source(nodes: Sequence[ir.Node]) -> ir.Value:
    value = nodes[0].inputs[0]
    assert value is not None
    return value


def _joined(branches: Sequence[Branch]) -> list[Branch]:
    """Return ``branches``, largest first, with those that can be one joined until none can."""
    found = sorted(branches, key=lambda b: (b.macs, b.conv is not None), reverse=True)
    while pair := next((p for p in combinations(found, 2) if sum_obstacle(*p) is None), None):
        large, small = pair
        found.remove(small)
        found[found.index(large)] = added(large, small)
    return found


def _term(leaf: ir.Value, source: ir.Value, tree: SumTree) -> Branch | str:
    """Return the branch of ``source`` that the term ``leaf`` is, or why it is none."""
    if not is_image(source):
        return f"its input '{source.name}' is no image of a known size"
    if leaf is source:
        return identity_of(source)
    if leaf.is_graph_output():
        return "its result is also an output of the network"
    if len(leaf.uses()) > 1:
        others = [node.name for node in leaf.consumers() if node not in (tree.root, *tree.inner)]
        return f"its result is also used by '{others[0]}'" if others else "it is added twice"
    return _in_a_row(_chain(leaf))


def _in_a_row(nodes: Sequence[ir.Node]) -> Branch | str:
    """Return the branch that ``nodes`` one behind the other are, or why they are none."""
    found: Branch | None = None
    for node in nodes:
        reason = branch_obstacle(node)
        branch = None if reason else branch_of(node)
        if branch is not None and found is not None:
            reason = chain_obstacle(found, branch)
            branch = None if reason else chained(found, branch)
        if branch is None:
            return reason or ""
        found = branch
    return found or ""


def _apply(graph: ir.Graph, tree: SumTree, branches: Sequence[Branch]) -> list[Merged]:
    """Rewrite the sum ``tree`` with one term for each of ``branches``."""
    done = [_merged(tree, branch) for branch in branches]
    sums = [write_branch(branch, tree.root, "merged") for branch in branches]
    absorbed = {leaf for branch in branches for leaf in branch.leaves}
    terms = [*sums, *(leaf for leaf in tree.leaves if leaf not in absorbed)]
    if len(terms) == 1:
        take_over(terms[0], tree.root.outputs[0])
    else:
        _add_up(graph, tree.root, terms)
    remove_unread(reversed(tree.inner))
    remove_unread(node for branch in branches for node in branch.nodes)
    for value, merged in zip(sums, done, strict=True):
        value.name = merged.value
    return done


def _merged(tree: SumTree, branch: Branch) -> Merged:
    sums = (sum_tree(node) for node in (tree.root, *tree.inner))
    exact = next((s for s in sums if Counter(s.leaves) == Counter(branch.leaves)), None)
    additions = () if exact is None else (*exact.inner, exact.root)
    value = f"{branch.name}.merged" if exact is None else str(exact.root.outputs[0].name)
    leaves = [leaf for leaf in tree.leaves if leaf in branch.leaves]
    named = tuple(str(_node(leaf).name) for leaf in leaves if leaf is not branch.source)
    gone = (*(n for n in branch.nodes if n is not branch.conv), *additions)
    return Merged(
        rule="parallel branches",
        node=branch.name,
        gone=tuple(str(node.name) for node in gone),
        source=str(branch.source.name),
        value=value,
        terms=tuple(str(leaf.name) for leaf in leaves),
        branches=named,
        identities=len(leaves) - len(named),
    )


def _add_up(graph: ir.Graph, root: ir.Node, terms: Sequence[ir.Value]) -> None:
    """Make ``root`` the sum of ``terms``, two or more."""
    if root.op_type == "Add":
        total, *rest, last = terms
        for number, term in enumerate(rest):
            node = ir.node("Add", [total, term], name=f"{root.name}.{number}")
            graph.insert_before(root, node)
            total = node.outputs[0]
            total.name, total.type, total.shape = f"{node.name}.sum", term.type, term.shape
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
