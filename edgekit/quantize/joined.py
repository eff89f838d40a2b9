"""Values that are joined: rounded once where they can be, to the encoding of what they become.

A runtime that joins (Concat) values of unlike encodings rounds each a second time. Where the
encodings are one it copies. For a value that nothing else reads the first rounding only loses; for
others it is a choice.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from edgekit.values import Join

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import onnx_ir as ir

    from edgekit.quantize.plan import Link
    from edgekit.quantize.rules import RuntimeRules

PLAIN = ""


def joins_of(
    nodes: Sequence[ir.Node], rules: RuntimeRules, links: Mapping[str, Link]
) -> tuple[Join, ...]:
    """Return what every Concat joins, in the graph's order.

    To move a value is not to read it. Left out is what an activation gives that vanishes into its
    encoding (a ReLU), unless all it is joined with comes from the like: on another encoding it
    would not vanish.

    Args:
        nodes: What is quantized, in the graph's order.
        rules: What vanishes.
        links: Every encoded value, and where its encoding comes from.
    """
    readers, kinds = _readers(nodes, links), _kinds(nodes, rules, links)
    found = []
    for node in nodes:
        if node.op_type == "Concat":
            output, leaders = str(node.outputs[0].name), dict.fromkeys(_leaders(node, links))
            fit = [k for k in leaders if k in links and _kind(k, kinds) in {PLAIN, kinds[output]}]
            alone = tuple(k for k in fit if readers[k] == {node.name})
            others = tuple(k for k in fit if k not in alone)
            found.append(Join(output, alone, others, whole=len(fit) == len(leaders)))
    return tuple(found)


def joined_into(joins: Sequence[Join], shared: Collection[str]) -> dict[str, str]:
    """Return the leader that each leader follows which takes the encoding of what it becomes.

    Args:
        joins: What is joined, in the graph's order.
        shared: Outputs of the joins that share one encoding with all they join. What is joined
            and nothing else takes its output's in any case.
    """
    into: dict[str, str] = {}
    for join in reversed(joins):
        for leader in join.alone + (join.others if join.whole and join.output in shared else ()):
            first, last = _end(leader, into), _end(join.output, into)
            if first != last:
                into[first] = last
    return {leader: _end(leader, into) for leader in into}


def _end(name: str, into: Mapping[str, str]) -> str:
    while name in into:
        name = into[name]
    return name


def _readers(nodes: Sequence[ir.Node], links: Mapping[str, Link]) -> dict[str, set[str | None]]:
    """Return the names of the nodes that read each leader; ``None`` is who takes an output."""
    readers: dict[str, set[str | None]] = defaultdict(set)
    for value in {v for node in nodes for v in (*node.inputs, *node.outputs) if v is not None}:
        link = links.get(str(value.name))
        if link is None:
            continue
        for use in value.uses():
            made = links.get(str(use.node.outputs[0].name))
            if made is None or made.leader != link.leader:
                readers[link.leader].add(use.node.name)
        if value.is_graph_output():
            readers[link.leader].add(None)
    return readers


def _kinds(
    nodes: Sequence[ir.Node], rules: RuntimeRules, links: Mapping[str, Link]
) -> dict[str, str]:
    """Return what vanishes into the encoding of each node's output; ``PLAIN`` for nothing."""
    kinds: dict[str, str] = {}
    for node in nodes:
        if node.op_type in rules.absorbed:
            kinds[str(node.outputs[0].name)] = f"{node.op_type} {_bounds(node)}"
        elif node.op_type == "Concat":
            each = {_kind(leader, kinds) for leader in _leaders(node, links)}
            kinds[str(node.outputs[0].name)] = each.pop() if len(each) == 1 else PLAIN
    return kinds


def _kind(leader: str, kinds: Mapping[str, str]) -> str:
    return kinds.get(leader, PLAIN)


def _bounds(node: ir.Node) -> list[float | None]:
    constants = [None if v is None else v.const_value for v in node.inputs[1:]]
    return [None if c is None else float(c.numpy()) for c in constants]


def _leaders(node: ir.Node, links: Mapping[str, Link]) -> list[str]:
    """Return the leaders of what ``node`` joins; no name for what has no leader's own encoding."""
    found = [links.get(str(value.name)) for value in node.inputs if value is not None]
    return ["" if link is None or link.factor != 1 else link.leader for link in found]
