"""What training leaves in a graph that is not one plain layer, counted by structure alone.

Apart from edgekit's own rules on purpose: it counts what these should have left nothing of.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

    from edgekit.values import Graph

SUMS = frozenset({"Add", "Sub", "Sum"})
LINEAR = frozenset({"Conv", "BatchNormalization", "AveragePool"})


def batchnorms(graph: Graph) -> int:
    """Return how many batch normalizations there are."""
    return sum(node.op_type == "BatchNormalization" for node in graph.model.graph)


def parallel_branches(graph: Graph) -> int:
    """Return how many sums add up two or more linear functions of one value.

    A term is followed back through the convolutions, batch normalizations and average pools that
    feed nothing else; ``conv(x) + x`` counts too, ``act(conv(x)) + x`` does not.
    """
    sums = [node for node in graph.model.graph if node.op_type in SUMS and not _is_inner(node)]
    return sum(_has_branches(node) for node in sums)


def _has_branches(root: ir.Node) -> bool:
    terms = list(_terms(root))
    origins = Counter(_origin(term) for term in terms)
    layers = {_origin(term) for term in terms if _origin(term) is not term}
    return any(origins[origin] > 1 for origin in layers)


def _terms(root: ir.Node) -> Iterator[ir.Value]:
    """Yield what ``root`` adds up, through the sums that feed only it."""
    for value in root.inputs:
        assert value is not None
        made_by = value.producer()
        if made_by is not None and made_by.op_type in SUMS and _is_inner(made_by):
            yield from _terms(made_by)
        else:
            yield value


def _is_inner(node: ir.Node) -> bool:
    readers = node.outputs[0].consumers()
    alone = len(node.outputs[0].uses()) == 1 and not node.outputs[0].is_graph_output()
    return alone and readers[0].op_type in SUMS


def _origin(value: ir.Value) -> ir.Value:
    """Return the value that ``value`` is a linear function of."""
    layer = value.producer()
    while layer is not None and layer.op_type in LINEAR and len(value.uses()) == 1:
        first = layer.inputs[0]
        assert first is not None
        value, layer = first, first.producer()
    return value
