"""The work of a network, layer by layer as runtimes run it: activations belong to what they follow.

Source:
    What runtimes fuse: "Types of Fusions", TensorRT documentation; "Graph Optimizations in ONNX
    Runtime", its documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

from onnx_ir.passes.common import ShapeInferencePass

from edgekit.macs import macs_per_node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import onnx_ir as ir

    from edgekit.values import Graph

Kind = Literal["dense", "depthwise", "move", "other"]

# What changes how numbers are read, and is part of the kernel that reads them.
_VIEWS = frozenset(
    {"DequantizeLinear", "Flatten", "Identity", "QuantizeLinear", "Reshape", "Squeeze"}
    | {"Unsqueeze"}
)
_MOVES = frozenset({"Concat", "Expand", "Gather", "Pad", "Slice", "Split", "Transpose"})
_WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_JOINING = frozenset(
    {"Add", "BatchNormalization", "Cast", "Clip", "Div", "Elu", "Erf", "Exp", "HardSigmoid"}
    | {"HardSwish", "LeakyRelu", "Max", "Min", "Mish", "Mul", "Neg", "PRelu", "Pow", "Relu"}
    | {"Sigmoid", "Softplus", "Sqrt", "Sub", "Swish", "Tanh"}
)
_FEW_PER_GROUP = 4  # channels of a group, up to which no kernel has anything to reuse


@dataclass(frozen=True)
class Layer:
    """One kernel's worth of work, for one image.

    Attributes:
        name: Of the node that it is made around.
        kind: ``dense`` and ``depthwise`` multiply; ``move`` only copies; ``other`` is poolings,
            softmax, and arithmetic that follows nothing.
        macs: Multiply-accumulates.
        weights: Numbers learned that it reads.
        reads: Numbers of maps that it reads.
        writes: Numbers of maps that it writes.
        inner: Products summed for one number of its output; 0 where it does not multiply.
        channels: Of its output; 0 where it does not multiply.
    """

    name: str
    kind: Kind
    macs: int
    weights: int
    reads: int
    writes: int
    inner: int = 0
    channels: int = 0


def fused_layers(graph: Graph) -> tuple[Layer, ...]:
    """Return the layers of ``graph`` in the order they run, each with what is fused into it.

    An activation, a normalization or a sum belongs to the last layer it reads from; reshapes are
    no work. Where a shape depends on the image, as behind a suppression, it counts as nothing.
    """
    model = graph.model.clone()
    ShapeInferencePass()(model)
    macs = macs_per_node(graph)
    layers, source = _fuse(model)
    return tuple(_layer(nodes, macs, source) for nodes in layers)


def _fuse(model: ir.Model) -> tuple[list[list[ir.Node]], dict[ir.Value, ir.Value]]:
    """Return the nodes of each layer, the one it is made around first; and what views are of."""
    layers: list[list[ir.Node]] = []
    place: dict[ir.Value, int] = {}
    source: dict[ir.Value, ir.Value] = {}
    for node in model.graph:
        read = [source.get(value, value) for value in _maps(node.inputs)]
        if not read:
            continue
        if node.op_type in _VIEWS:
            source.update(dict.fromkeys(node.outputs, read[0]))
            continue
        at = max((place[value] for value in read if value in place), default=None)
        if node.op_type not in _JOINING or at is None:
            at = len(layers)
            layers.append([])
        layers[at].append(node)
        place.update(dict.fromkeys(node.outputs, at))
    return layers, source


def _maps(values: Iterable[ir.Value | None]) -> Iterator[ir.Value]:
    """Yield what depends on the image."""
    for value in values:
        if value is not None and value.const_value is None:
            yield value


def _layer(nodes: list[ir.Node], macs: dict[str, int], source: dict[ir.Value, ir.Value]) -> Layer:
    first, inside = nodes[0], set(nodes)
    read = {source.get(v, v) for node in nodes for v in _maps(node.inputs)}
    outside = (v for v in read if v.producer() not in inside)
    written = (v for node in nodes for v in node.outputs if _leaves(v, inside))
    weights = _weights(first)
    return Layer(
        name=str(first.name),
        kind=_kind(first, weights),
        macs=macs.get(str(first.name)) or _unlearned(first),
        weights=prod(weights) if weights else 0,
        reads=sum(map(_size, outside)),
        writes=sum(map(_size, written)),
        inner=_inner(first),
        channels=_channels(first),
    )


def _leaves(value: ir.Value, inside: set[ir.Node]) -> bool:
    return value.is_graph_output() or any(use.node not in inside for use in value.uses())


def _size(value: ir.Value) -> int:
    shape = value.shape
    if shape is None or not all(isinstance(side, int) for side in shape):
        return 0
    return prod(shape.numpy())


def _weights(node: ir.Node) -> tuple[int, ...]:
    """Return the shape of what the node has learned; empty where that is nothing."""
    weight = node.inputs[1] if node.op_type in _WEIGHTED else None
    if weight is None or weight.const_value is None:
        return ()
    return tuple(weight.const_value.shape.numpy())


def _kind(node: ir.Node, weights: tuple[int, ...]) -> Kind:
    if node.op_type in _MOVES:
        return "move"
    if node.op_type not in _WEIGHTED:
        return "other"
    groups = node.attributes.get("group")
    if groups is not None and groups.as_int() > 1 and weights[1] <= _FEW_PER_GROUP:
        return "depthwise"
    return "dense"


def _inner(node: ir.Node) -> int:
    """Return how many products make one number of the output."""
    if node.op_type not in _WEIGHTED:
        return 0
    weights = _weights(node)
    if node.op_type in {"Conv", "ConvTranspose"}:
        return prod(weights[1:])
    inner = node.inputs[0]
    if inner is None or inner.shape is None or not isinstance(inner.shape[-1], int):
        return 0
    return inner.shape[-1]


def _unlearned(node: ir.Node) -> int:
    """Return the multiply-accumulates of a product of two maps, as in attention; else 0."""
    if node.op_type != "MatMul":
        return 0
    return _size(node.outputs[0]) * _inner(node)


def _channels(node: ir.Node) -> int:
    """Return the channels of what the node gives; 0 where it does not multiply."""
    shape = node.outputs[0].shape
    if node.op_type not in _WEIGHTED or shape is None:
        return 0
    side = shape[1 if node.op_type in {"Conv", "ConvTranspose"} else -1]
    return side if isinstance(side, int) else 0
