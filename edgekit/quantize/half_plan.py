"""Which nodes run in 16-bit floats, and why the others do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.quantize.half_rules import LARGEST, SMALLEST_NORMAL
from edgekit.quantize.half_types import Ports, half_ports, is_float, typed
from edgekit.quantize.least_casts import FLOAT, HALF, Wire, float_side
from edgekit.quantize.plan import constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.quantize.half_rules import HalfRules
    from edgekit.values import Graph, Statistics

DECODE = "part of the decode: beyond 512 pixels, 16-bit floats are half a pixel apart"
NO_KERNEL = "the runtime has no 16-bit kernel for it"
ACCUMULATES = "it sums or multiplies over many values, where 16 bits lose the small ones"
BETWEEN = "it only moves values between nodes in float32: in 16 bits it would take more casts"
QUANTIZED = "it runs between quantize and dequantize nodes, whose scales are in float32"

_ANY_TYPE = frozenset({"Shape", "Size"})  # read a value of whatever type it has
_QDQ = frozenset({"DequantizeLinear", "QuantizeLinear"})
_EXACT = _QDQ | {"Div", "Pow"}  # each element of their constants counts
_BOUNDS = {"Clip": {1, 2}, "Max": {0, 1}, "Min": {0, 1}, "Pad": {2}}


@dataclass(frozen=True, eq=False)
class HalfPlan:
    """A decision for every node that reads or writes float values.

    Attributes:
        rules: The rules it was made under.
        nodes: Names of the nodes that run in 16-bit floats.
        kept_float: Every other node that touches floats, to the reason it stays in float32.
    """

    rules: HalfRules
    nodes: frozenset[str]
    kept_float: Mapping[str, str]


def half_plan(
    graph: Graph,
    rules: HalfRules,
    kept_float: Mapping[str, str],
    statistics: Statistics | None = None,
) -> HalfPlan:
    """Return what of ``graph`` runs in 16-bit floats under ``rules``, with the fewest casts.

    Args:
        graph: The network in float32, opset 13 or later, names unique.
        rules: What the runtime wants.
        kept_float: Nodes that must stay in float32, with the reason: the decode part, what a
            recipe names.
        statistics: What calibration saw. Nodes that read or write a value 16 bits cannot hold
            stay in float32; without statistics that is not known.

    Raises:
        StageError: The types of some values do not fit each other.
    """
    network = typed(graph).model
    ports = {str(n.name): half_ports(n, network.opset_imports[""]) for n in network.graph}
    refused = {
        str(node.name): reason
        for node in network.graph
        if (reason := _refusal(node, ports[str(node.name)], rules, kept_float)) is not None
    }
    if statistics is not None:
        _add_out_of_range(refused, network.graph, statistics, rules)
    _add_quantized(refused, network.graph)
    between = _between(network.graph, ports, refused, rules)
    kept = {**refused, **dict.fromkeys(between, BETWEEN)}
    touching = (name for name, found in ports.items() if found.inputs or found.outputs)
    return HalfPlan(rules, frozenset(touching) - kept.keys(), kept)


def decode_in_float(graph: Graph, decode: Iterable[str], rules: HalfRules) -> dict[str, str]:
    """Return the nodes of the decode that have to stay in float32, with the reason.

    Those that only move values give the same on either side of a cast, and go where casts are few.

    Args:
        graph: The network.
        decode: Nodes of the decode part, as the head finder names them.
        rules: What the runtime wants.
    """
    named = set(decode)
    computing = (node for node in graph.model.graph if node.op_type not in rules.moving)
    return {str(node.name): DECODE for node in computing if node.name in named}


def is_bound(node: ir.Node, position: int) -> bool:
    """Return whether an input is a limit that stays the same when cut off at 65504."""
    return position in _BOUNDS.get(node.op_type, ())


def _refusal(
    node: ir.Node, ports: Ports, rules: HalfRules, kept_float: Mapping[str, str]
) -> str | None:
    """Return why ``node`` by itself stays in float32; ``None`` where nothing speaks for that."""
    if not any(is_float(value) for value in (*node.inputs, *node.outputs)):
        return None
    reasons = (
        kept_float.get(str(node.name)),
        ports.refusal,
        NO_KERNEL if node.op_type in rules.float_only else None,
        ACCUMULATES if node.op_type in rules.accumulating else None,
        QUANTIZED if node.op_type in _QDQ and rules.scales == "float32" else None,
        *(_constant_fault(node, position, rules) for position in sorted(ports.inputs)),
    )
    return next((reason for reason in reasons if reason is not None), None)


def _constant_fault(node: ir.Node, position: int, rules: HalfRules) -> str | None:
    """Return what float16 would do to a constant input, where that is not to be borne."""
    value = node.inputs[position]
    if value is None or value.const_value is None or is_bound(node, position):
        return None
    exact = value.const_value.numpy().astype(np.float64)
    largest = float(np.abs(exact[np.isfinite(exact)]).max(initial=0))
    if largest > LARGEST:
        return f"its constant {value.name} reaches {largest:.3g}, and 16-bit floats end at 65504"
    if _lost(exact, element_wise=node.op_type in _EXACT) > rules.weight_error:
        return f"its constant {value.name} is too small for 16-bit floats, which end at 6e-08"
    return None


def _lost(exact: NDArray[np.float64], *, element_wise: bool) -> float:
    """Return which part of a constant is lost in float16: of its norm, or of one element."""
    finite = exact[np.isfinite(exact)]
    error = np.abs(finite - finite.astype(np.float16))
    if element_wise:
        present = finite != 0
        return float((error[present] / np.abs(finite[present])).max(initial=0))
    norm = float(np.linalg.norm(finite))
    return float(np.linalg.norm(error)) / norm if norm else 0.0


def _add_out_of_range(
    refused: dict[str, str], network: ir.Graph, statistics: Statistics, rules: HalfRules
) -> None:
    """Refuse the nodes that read or write a value that 16 bits do not hold."""
    for node in network:
        for value in (*node.inputs, *node.outputs):
            seen = None if value is None else statistics.tensors.get(str(value.name))
            if seen is None or value is None:
                continue
            largest = max(abs(seen.low), abs(seen.high))
            if largest * rules.headroom > LARGEST:
                reason = (
                    f"{value.name} reaches {largest:.3g} in calibration, and 16-bit floats end at "
                    f"65504: less than {rules.headroom:g} times as much"
                )
                refused.setdefault(str(node.name), reason)
            elif 0 < largest < SMALLEST_NORMAL:
                reason = f"{value.name} stays below {largest:.1e}, where 16-bit floats lose digits"
                refused.setdefault(str(node.name), reason)


def _add_quantized(refused: dict[str, str], network: ir.Graph) -> None:
    """Refuse what reads nothing but dequantized values that are in float32, and so on from there.

    Between Q and DQ a runtime computes in integers; a cast there would keep it from that.
    """
    wide: set[str] = set()
    for node in network:
        read = [v for v in node.inputs if is_float(v) and not constant(v)]
        dequantizes = node.op_type == "DequantizeLinear" and node.name in refused
        between = bool(read) and all(str(v.name) in wide for v in read if v is not None)
        if between:
            refused.setdefault(str(node.name), QUANTIZED)
        if dequantizes or between:
            wide.update(str(output.name) for output in node.outputs)


def _between(
    network: ir.Graph, ports: Mapping[str, Ports], refused: Mapping[str, str], rules: HalfRules
) -> list[str]:
    """Return the moving nodes to leave in float32 for the sake of fewer casts."""
    numbers = {str(node.name): number for number, node in enumerate(network, start=HALF + 1)}
    free = {
        name: numbers[name]
        for node in network
        if (name := str(node.name)) not in refused and node.op_type in rules.moving
    }

    def side(node: ir.Node | None, *, fits: bool) -> int:
        # What a graph inside a node reads is named there alone, and stays in float32.
        if node is None or node.graph is not network or node.name in refused or not fits:
            return FLOAT
        return free.get(str(node.name), HALF)

    def wires() -> Iterator[Wire]:
        for value in _float_values(network):
            node, index = value.producer(), value.index()
            made = side(node, fits=node is None or index in ports[str(node.name)].outputs)
            used = {
                side(use.node, fits=use.idx in ports.get(str(use.node.name), Ports()).inputs)
                for use in value.uses()
                if use.node.op_type not in _ANY_TYPE
            }
            yield Wire(made, frozenset(used | ({FLOAT} if value.is_graph_output() else set())))

    chosen = float_side(wires())
    return [name for name, number in free.items() if number in chosen]


def _float_values(network: ir.Graph) -> Iterator[ir.Value]:
    """Yield every float value that is computed or comes from outside."""
    made = (value for node in network for value in node.outputs)
    yield from (value for value in (*network.inputs, *made) if is_float(value))
