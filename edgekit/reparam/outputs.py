"""Outputs that a network was trained with and detections do not need, and what feeds only them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onnx_ir.passes import common

from edgekit.graphs import graph_from_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from edgekit.values import Graph

_SELECTING = frozenset({"TopK", "NonMaxSuppression"})


@dataclass(frozen=True)
class Dropped:
    """An output of a network that is gone, and why it could go."""

    output: str
    reason: str


@dataclass(frozen=True, eq=False)
class Trimmed:
    """A network with fewer outputs, and those that are gone; the others are as they were."""

    graph: Graph
    dropped: tuple[Dropped, ...]


def drop_auxiliary_outputs(graph: Graph) -> Trimmed:
    """Return ``graph`` without the outputs that only its training needs, nor what feeds them.

    There is one output of detections, of three dimensions or fewer. The others go if each is

    - a raw map, of four dimensions or more, that the detections are computed from;
    - a raw map that they are not computed from, where such maps have the very shapes of those
      that they are: the other of two heads, one-to-many beside one-to-one;
    - that other head, decoded: no top-k or non-maximum suppression picks from it, while the
      detections are picked.

    Where one of them is something else, such as a mask or the prediction of an auxiliary head
    that looks just like the main one, all outputs stay.

    Source:
        Wang et al., "YOLOv10" (NeurIPS 2024), section 3.1: dual assignments.
    """
    dropped = _dropped(graph.model.graph.outputs)
    if not dropped:
        return Trimmed(graph, ())
    model = graph.model.clone()
    gone = {output.output for output in dropped}
    model.graph.outputs[:] = [v for v in model.graph.outputs if v.name not in gone]
    common.RemoveUnusedNodesPass()(model)
    return Trimmed(graph_from_model(model, parent=graph.sha256), dropped)


def _dropped(outputs: Sequence[ir.Value]) -> tuple[Dropped, ...]:
    """Return which of ``outputs`` can go: none, or all but one."""
    if any(value.shape is None for value in outputs):
        return ()
    flat = [value for value in outputs if _rank(value) < 4]
    picked = [value for value in flat if _is_picked({value, *_ancestors(value)})]
    candidates = flat if len(flat) == 1 else picked
    if len(candidates) != 1:
        return ()
    (detections,) = candidates
    before = _ancestors(detections)
    others = [value for value in flat if value is not detections]
    raw = [value for value in outputs if _rank(value) >= 4 and value in before]
    twins = [value for value in outputs if _rank(value) >= 4 and value not in before]
    alike = not twins or Counter(map(_shape, twins)) == Counter(map(_shape, raw))
    if not alike or before.intersection(others):
        return ()
    reasons = {
        f"'{detections.name}' is computed from it": raw,
        f"it is raw maps of a second head, beside those of '{detections.name}'": twins,
        f"nothing picks from it, as something does for '{detections.name}'": others,
    }
    return tuple(Dropped(str(v.name), reason) for reason, gone in reasons.items() for v in gone)


def _ancestors(value: ir.Value) -> set[ir.Value]:
    """Return every value that ``value`` is computed from."""
    found: set[ir.Value] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop().producer()
        inputs = [] if node is None else [v for v in node.inputs if v is not None]
        waiting += [v for v in inputs if v not in found]
        found.update(inputs)
    return found


def _is_picked(values: set[ir.Value]) -> bool:
    """Return whether any of ``values`` is what a top-k or non-maximum suppression picks."""
    nodes = (value.producer() for value in values)
    return any(node is not None and node.op_type in _SELECTING for node in nodes)


def _rank(value: ir.Value) -> int:
    assert value.shape is not None
    return value.shape.rank()


def _shape(value: ir.Value) -> tuple[object, ...]:
    assert value.shape is not None
    return tuple(value.shape)
