"""Where a graph stops learning and starts decoding, by walking back from its outputs.

The walk ends at the last layers with learned weights; what lies behind them, up to the outputs,
is the decode. Names, node order and shapes play no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from onnx_ir import convenience

from edgekit.errors import HeadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.values import Graph

_WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_AFFINE = frozenset({"BatchNormalization", "Add"})
_SHAPE_READERS = frozenset({"Shape", "Size"})
_RESHAPES = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity"})
_SELECTIONS = frozenset({"TopK", "NonMaxSuppression"})


@dataclass(frozen=True, eq=False)
class Decode:
    """The part of a graph between its last learned layers and its outputs.

    Attributes:
        nodes: Its nodes, in the graph's order; constants are not counted.
        raws: Values it starts from: what the last learned layers give, in the graph's order.
        shaped: Values of which it only reads the shape.
    """

    nodes: tuple[ir.Node, ...]
    raws: tuple[str, ...]
    shaped: tuple[str, ...]


def find_decode(graph: Graph) -> Decode:
    """Return the decode of ``graph``.

    Raises:
        HeadError: An output hangs on a graph input through no learned layer.
    """
    nodes: set[ir.Node] = set()
    raws: set[ir.Value] = set()
    shaped: set[ir.Value] = set()
    waiting = list(graph.model.graph.outputs)
    while waiting:
        value = waiting.pop()
        node = value.producer()
        if node is None:
            _refuse_input(value, graph)
        elif is_raw(value):
            raws.add(value)
        elif node.op_type != "Constant" and node not in nodes:
            nodes.add(node)
            inputs = [v for v in node.inputs if v is not None and constant(v) is None]
            (shaped.update if node.op_type in _SHAPE_READERS else waiting.extend)(inputs)
    ordered = [n for n in graph.model.graph if n in nodes]
    made = {v for n in nodes for v in n.outputs}
    return Decode(
        tuple(ordered),
        tuple(_name(v) for n in graph.model.graph for v in n.outputs if v in raws),
        tuple(sorted(_name(v) for v in shaped - raws - made)),
    )


def stage_values(decode: Decode) -> tuple[str, ...]:
    """Return the values on which the decode's top-k or NMS works; none when it has neither.

    A value that was reshaped for it comes with what it was before.
    """
    picked = _downstream([n for n in decode.nodes if n.op_type in _SELECTIONS], decode)
    produced = {v for n in picked for v in n.outputs}
    waiting = [v for n in decode.nodes if n in picked for v in n.inputs if v not in produced]
    found: dict[str, None] = {}
    while waiting:
        value = waiting.pop()
        if value is None or constant(value) is not None or _name(value) in decode.raws:
            continue
        found[_name(value)] = None
        node = value.producer()
        if node is not None and node.op_type in _RESHAPES:
            waiting.append(node.inputs[0])
    return tuple(found)


def constant(value: ir.Value | None) -> NDArray[np.generic] | None:
    """Return what ``value`` always holds, or ``None`` when it depends on an input."""
    tensor = None if value is None else convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def is_raw(value: ir.Value) -> bool:
    """Return whether ``value`` is what a learned layer gives, its bias or batch norm included."""
    node = value.producer()
    if node is None:
        return False
    if node.op_type in _WEIGHTED:
        return _learned(node)
    if node.op_type not in _AFFINE:
        return False
    inner = [v for v in node.inputs if v is not None and constant(v) is None]
    alone = len(inner) == 1 and len(inner[0].uses()) == 1
    return alone and (node.op_type != "Add" or _is_bias(node)) and is_raw(inner[0])


def _learned(node: ir.Node) -> bool:
    weights = [w for v in node.inputs[:2] if (w := constant(v)) is not None]
    return bool(weights) and not _is_fixed(weights[0])


def _is_fixed(weight: NDArray[np.generic]) -> bool:
    # No training leaves every weight of a layer a multiple of one half: the bins of DFL (0, 1,
    # 2, ...) and conversions between box formats are arithmetic written as a layer.
    pointwise = weight.ndim <= 2 or weight.shape[2:] == (1,) * (weight.ndim - 2)
    doubled = weight.astype(np.float64) * 2
    return pointwise and bool((doubled == np.rint(doubled)).all())


def _is_bias(node: ir.Node) -> bool:
    added = next(a for v in node.inputs if (a := constant(v)) is not None)
    layer = next(v.producer() for v in node.inputs if v is not None and constant(v) is None)
    channels_first = layer is not None and layer.op_type in {
        "Conv",
        "ConvTranspose",
        "BatchNormalization",
    }
    shape = (*added.shape, 1, 1)[-3:] if not channels_first else added.shape[-3:]
    return len(shape) == 3 and added.size == shape[0]


def _downstream(starts: list[ir.Node], decode: Decode) -> set[ir.Node]:
    inside = set(decode.nodes)
    seen: set[ir.Node] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node not in seen and node in inside:
            seen.add(node)
            waiting.extend(_consumers(node.outputs))
    return seen


def _consumers(values: Iterable[ir.Value]) -> Iterator[ir.Node]:
    return (usage.node for v in values for usage in v.uses())


def _refuse_input(value: ir.Value, graph: Graph) -> None:
    if value in graph.model.graph.inputs:
        raise HeadError(
            f"An output depends on input '{value.name}' through no learned layer. Expected a "
            "detector whose outputs come from its last convolutions. Give the network itself, "
            "without the steps that rescale boxes to the original image."
        )


def _name(value: ir.Value) -> str:
    assert value.name is not None
    return value.name
