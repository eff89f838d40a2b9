"""Sums of several tensors, as ONNX spells them: trees of Add and Sum nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

_SUMS = ("Add", "Sum")


@dataclass(frozen=True, eq=False)
class SumTree:
    """What is added up, in whatever order of additions.

    Attributes:
        root: The node that gives the whole sum.
        inner: The sums that feed nothing but ``root``, directly or through each other.
        leaves: The values added, left to right; one that is added twice is there twice.
    """

    root: ir.Node
    inner: tuple[ir.Node, ...]
    leaves: tuple[ir.Value, ...]


def sum_trees(graph: ir.Graph) -> Iterator[SumTree]:
    """Yield every sum of ``graph`` that is no part of a larger one, in graph order.

    Each is read when it is asked for, so that those before it may be rewritten meanwhile.
    """
    roots = [node for node in graph if node.op_type in _SUMS and not _is_inner(node)]
    return (sum_tree(node) for node in roots)


def sum_tree(root: ir.Node) -> SumTree:
    """Return the sum that ``root``, an Add or Sum, gives."""
    inner: list[ir.Node] = []
    leaves: list[ir.Value] = []
    left = [value for value in reversed(root.inputs) if value is not None]
    while left:
        value = left.pop()
        node = value.producer()
        if node is not None and _is_inner(node):
            inner.append(node)
            left.extend(value for value in reversed(node.inputs) if value is not None)
        else:
            leaves.append(value)
    return SumTree(root, tuple(inner), tuple(leaves))


def _is_inner(node: ir.Node) -> bool:
    """Return whether ``node`` is a sum that only another sum of the same graph reads."""
    value = node.outputs[0]
    if node.op_type not in _SUMS or value.is_graph_output() or len(value.uses()) != 1:
        return False
    (reader,) = value.consumers()
    return reader.op_type in _SUMS and reader.graph is node.graph
