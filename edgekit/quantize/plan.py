"""Which nodes run in INT8 and which values carry an encoding, before any number is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from edgekit.quantize.joined import joined_into, joins_of
from edgekit.quantize.sizes import too_small

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import onnx_ir as ir

    from edgekit.quantize.rules import RuntimeRules
    from edgekit.values import Graph, Join


NO_KERNEL = "the runtime has no 8-bit kernel for such a layer"


@dataclass(frozen=True)
class Link:
    """Where an encoded value takes its encoding from.

    Attributes:
        leader: The value whose range decides; the value itself when it has its own.
        factor: The value is its leader's integers on ``factor`` times its leader's scale.
    """

    leader: str
    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class Plan:
    """A decision for every node of a graph.

    Attributes:
        rules: The rules it was made under.
        nodes: Names of the nodes that run in INT8.
        links: Every encoded activation, in the graph's order, and where its encoding comes from.
        kept_float: Node to the reason it stays in float, for nodes that were ruled out.
        joins: What every quantized Concat joins, in the graph's order.
        shared: Outputs of the Concats that share one encoding with all they join.
    """

    rules: RuntimeRules
    nodes: frozenset[str]
    links: Mapping[str, Link]
    kept_float: Mapping[str, str]
    joins: tuple[Join, ...] = ()
    shared: frozenset[str] = frozenset()

    @property
    def leaders(self) -> tuple[str, ...]:
        """The values whose ranges have to be known."""
        return tuple(dict.fromkeys(link.leader for link in self.links.values()))


def plan(
    graph: Graph,
    rules: RuntimeRules,
    kept_float: Mapping[str, str],
    shared: Collection[str] = (),
) -> Plan:
    """Return what to quantize in ``graph`` under ``rules``.

    Args:
        graph: The network, with unique node and value names and constants as initializers.
        rules: What the runtime runs in INT8.
        kept_float: Nodes that must stay in float, with the reason: the decode part, the last
            convolutions, what a recipe names.
        shared: Outputs of the Concats that share one encoding with all they join.
    """
    nodes = _quantized_nodes(graph, rules, kept_float)
    own = _links(graph, rules, nodes)
    links = {value: own.get(value, Link(value)) for value in _encoded_values(graph, rules, nodes)}
    joins = joins_of([n for n in graph.model.graph if n.name in nodes], rules, links)
    into = joined_into(joins, shared)
    links = {value: replace(k, leader=into.get(k.leader, k.leader)) for value, k in links.items()}
    unfit = {str(n.name): why for n in graph.model.graph if (why := _unfit(n, rules))}
    return Plan(rules, nodes, links, {**unfit, **kept_float}, joins, frozenset(shared))


def data_inputs(node: ir.Node, rules: RuntimeRules) -> list[ir.Value]:
    """Return the inputs of ``node`` that carry activations, or constants computed with."""
    first_only = rules.same_encoding | rules.absorbed | {"Conv", "ConvTranspose", "Gemm"}
    inputs = node.inputs[:1] if node.op_type in first_only else node.inputs
    return [value for value in inputs if value is not None]


def moved_values(graph: ir.Graph, plan: Plan) -> frozenset[ir.Value]:
    """Return the values that need no quantize node, being moved from what has the same encoding.

    None where results are encoded at once, or inputs alone: there the runtime recognizes what moves
    integers by the nodes on both sides of it.
    """
    rules = plan.rules
    if rules.inputs_only or not rules.float_results:
        return frozenset()
    moved: set[ir.Value] = set()
    for node in graph:
        if node.name in plan.nodes and node.op_type in rules.same_encoding | {"Concat"}:
            links = {plan.links.get(str(value.name)) for value in data_inputs(node, rules)}
            moved.update(v for v in node.outputs if links == {plan.links.get(str(v.name))})
    return frozenset(moved)


def constant(value: ir.Value | None) -> bool:
    """Return whether ``value`` is a weight or another constant of the graph."""
    return value is not None and value.const_value is not None


def dequantized(value: ir.Value | None) -> bool:
    """Return whether ``value`` comes out of integers already (a u8 image, say)."""
    producer = value.producer() if value is not None else None
    return producer is not None and producer.op_type == "DequantizeLinear"


def output_axis(node: ir.Node) -> int:
    """Return the axis of a weighted node's weight that counts its output channels."""
    transposed = node.attributes.get("transB")
    rows = node.op_type == "Conv" or (transposed is not None and transposed.as_int() == 1)
    return 0 if rows else 1


def rescale_factor(node: ir.Node, rules: RuntimeRules) -> float | None:
    """Return what ``node`` multiplies its first input by; ``None`` if it does anything else."""
    if node.op_type not in rules.rescaling or not constant(node.inputs[1]):
        return None
    factor = node.inputs[1].const_value.numpy()  # type: ignore[union-attr]
    if factor.size != 1 or float(factor.reshape(-1)[0]) <= 0:
        return None
    number = float(factor.reshape(-1)[0])
    return 1 / number if node.op_type == "Div" else number


def _quantized_nodes(
    graph: Graph, rules: RuntimeRules, kept_float: Mapping[str, str]
) -> frozenset[str]:
    if rules.float_results:
        return _read_by_layers(graph, rules, kept_float)
    chosen: set[str] = set()
    encoded: set[str] = set()
    for node in graph.model.graph:
        if node.op_type == "DequantizeLinear":
            encoded.update(str(o.name) for o in node.outputs)
        if node.name in kept_float:
            continue
        if _has_weight(node, rules) or (_movable(node, rules) and _beside(node, rules, encoded)):
            chosen.add(str(node.name))
            encoded.update(str(o.name) for o in node.outputs)
    return frozenset(chosen)


def _read_by_layers(
    graph: Graph, rules: RuntimeRules, kept_float: Mapping[str, str]
) -> frozenset[str]:
    """Return the layers, what lies before one and moves or joins what it reads, and fused sums."""
    chosen: set[str] = set()
    for node in reversed(graph.model.graph):
        read = any(use.node.name in chosen for value in node.outputs for use in value.uses())
        if node.name not in kept_float and (
            _has_weight(node, rules)
            or (_movable(node, rules) and (read or _behind_layer(node, rules, kept_float)))
        ):
            chosen.add(str(node.name))
    return frozenset(chosen)


def _has_weight(node: ir.Node, rules: RuntimeRules) -> bool:
    """Return whether the weight of ``node`` and its bias, if any, are such as kernels take."""
    tensors = [value.const_value for value in node.inputs[1:] if value is not None]
    shapes = [tuple(tensor.shape.numpy()) for tensor in tensors if tensor is not None]
    if node.op_type not in rules.weighted or len(shapes) < len(tensors):
        return False
    weight, *bias = shapes
    known = node.op_type in {"Conv", "ConvTranspose"} or len(weight) == 2
    if rules.sizes is not None and (not known or too_small(node, rules.sizes) is not None):
        return False
    return known and all(prod(shape) == weight[output_axis(node)] for shape in bias)


def _unfit(node: ir.Node, rules: RuntimeRules) -> str | None:
    """Return why a layer has no kernel in 8 bits; ``None`` where it has, or is none."""
    layer = node.op_type in rules.weighted | rules.float_only and constant(node.inputs[1])
    if not layer or _has_weight(node, rules):
        return None
    small = None if rules.sizes is None else too_small(node, rules.sizes)
    return small or NO_KERNEL


def _behind_layer(node: ir.Node, rules: RuntimeRules, kept_float: Mapping[str, str]) -> bool:
    """Return whether ``node`` is a sum that runs in the kernel of the layer before it."""
    return node.op_type == "Add" and any(
        _fusing(value, rules) and _producer_name(value) not in kept_float for value in node.inputs
    )


def _fusing(value: ir.Value | None, rules: RuntimeRules) -> bool:
    """Return whether ``value`` leaves a layer for the sum in its kernel and nothing else."""
    producer = None if value is None else value.producer()
    return (
        rules.fused_sums
        and value is not None
        and producer is not None
        and _has_weight(producer, rules)
        and [use.node.op_type for use in value.uses()] == ["Add"]
        and not value.is_graph_output()
    )


def _producer_name(value: ir.Value | None) -> str | None:
    producer = None if value is None else value.producer()
    return None if producer is None else producer.name


def _movable(node: ir.Node, rules: RuntimeRules) -> bool:
    if node.op_type == "Resize":
        mode = node.attributes.get("mode")
        return mode is None or mode.as_string() == "nearest"
    if rescale_factor(node, rules) is not None:
        return True
    if rules.fused_sums and node.op_type == "Add" and any(constant(v) for v in node.inputs):
        return False
    return node.op_type in rules.requantizing | rules.same_encoding | rules.absorbed


def _beside(node: ir.Node, rules: RuntimeRules, encoded: set[str]) -> bool:
    return any(str(v.name) in encoded for v in data_inputs(node, rules))


def _encoded_values(graph: Graph, rules: RuntimeRules, nodes: frozenset[str]) -> Iterator[str]:
    """Yield inputs and outputs of quantized nodes, less what a kernel keeps to itself."""
    for node in graph.model.graph:
        if node.name not in nodes:
            continue
        silent = rules.inputs_only or (rules.float_results and _has_weight(node, rules))
        fused = _fused_input(node, rules, nodes)
        for value in [*data_inputs(node, rules), *(() if silent else node.outputs)]:
            integers = dequantized(value) and not rules.float_results
            hidden = value is fused or _hidden(value, rules, nodes)
            if not (constant(value) or integers or hidden):
                yield str(value.name)


def _fused_input(node: ir.Node, rules: RuntimeRules, nodes: frozenset[str]) -> ir.Value | None:
    """Return what a sum in the kernel of a layer gets from that layer; ``None`` for others."""
    if node.op_type != "Add":
        return None
    fused = (v for v in node.inputs if _fusing(v, rules) and _producer_name(v) in nodes)
    return next(fused, None)


def _hidden(value: ir.Value, rules: RuntimeRules, nodes: frozenset[str]) -> bool:
    """Return whether ``value`` lies between a node and the activation its encoding absorbs."""
    producer = value.producer()
    consumers = [use.node for use in value.uses()]
    return (
        producer is not None
        and producer.name in nodes
        and producer.op_type in {"Add", "Conv"}
        and len(consumers) == 1
        and consumers[0].name in nodes
        and consumers[0].op_type in rules.absorbed
        and not value.is_graph_output()
    )


def _links(graph: Graph, rules: RuntimeRules, nodes: frozenset[str]) -> dict[str, Link]:
    """Return for every output that only moves or rescales a value, whose encoding it takes."""
    links: dict[str, Link] = {}
    for node in graph.model.graph:
        factor = 1.0 if node.op_type in rules.same_encoding else rescale_factor(node, rules)
        if node.name in nodes and factor is not None:
            source = str(node.inputs[0].name)  # type: ignore[union-attr]
            root = links.get(source, Link(source))
            for output in node.outputs:
                links[str(output.name)] = Link(root.leader, root.factor * factor)
    return links
