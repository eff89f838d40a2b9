"""The element-wise function that stands behind a value, read off the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

Reals = NDArray[np.float64]
Function = Callable[[Reals], Reals]
LONGEST = 6  # nodes; HardSwish written out takes four, Mish three


@dataclass(frozen=True, eq=False)
class Activation:
    """What alone reads a value.

    Attributes:
        function: What it computes, of any number of values.
        result: Name of the value it gives.
    """

    function: Function
    result: str


def activation_after(value: ir.Value) -> Activation | None:
    """Return the activation that alone reads ``value``; ``None`` if there is none.

    Grows the region of element-wise nodes fed by ``value`` and constants until one single value
    leaves it. Finds SiLU, HardSwish, Mish and the like in any spelling.
    """
    region: list[ir.Node] = []
    known = {value}
    while len(region) < LONGEST:
        node = _next(known, region)
        if node is None:
            return None
        region.append(node)
        known.add(node.outputs[0])
        leaving = [v for v in known if _read_outside(v, region)]
        if len(leaving) == 1:
            if leaving[0] is value:
                return None
            return Activation(_function(value, region, leaving[0]), str(leaving[0].name))
    return None


def _next(known: set[ir.Value], region: list[ir.Node]) -> ir.Node | None:
    """Return a node not yet in the region that reads nothing but known values and scalars."""
    for value in known:
        for use in value.uses():
            node = use.node
            readable = all(v in known or _scalar(v) is not None for v in node.inputs if v)
            if node.op_type in ELEMENTWISE and node not in region and readable:
                return node
    return None


def _read_outside(value: ir.Value, region: list[ir.Node]) -> bool:
    return value.is_graph_output() or any(use.node not in region for use in value.uses())


def _function(value: ir.Value, region: list[ir.Node], result: ir.Value) -> Function:
    def function(x: Reals) -> Reals:
        values: dict[ir.Value, Reals] = {value: x}
        for node in region:
            arguments = [
                values[v] if v in values else np.float64(_scalar(v)) if v else None
                for v in node.inputs
            ]
            values[node.outputs[0]] = ELEMENTWISE[node.op_type](node, *arguments)
        return values[result]

    return function


def _scalar(value: ir.Value | None) -> float | None:
    if value is None or value.const_value is None or value.const_value.size != 1:
        return None
    return float(value.const_value.numpy().reshape(-1)[0])


def _float(node: ir.Node, name: str, default: float) -> float:
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_float()


def _clip(_: ir.Node, x: Reals, low: Reals | None = None, high: Reals | None = None) -> Reals:
    return np.clip(x, -np.inf if low is None else low, np.inf if high is None else high)


def _hard_sigmoid(node: ir.Node, x: Reals) -> Reals:
    return np.clip(_float(node, "alpha", 0.2) * x + _float(node, "beta", 0.5), 0, 1)


ELEMENTWISE: Mapping[str, Callable[..., Reals]] = {
    "Add": lambda _, a, b: a + b,
    "Clip": _clip,
    "Div": lambda _, a, b: a / b,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda _, x: x * np.clip(x / 6 + 0.5, 0, 1),
    "LeakyRelu": lambda node, x: np.where(x < 0, _float(node, "alpha", 0.01) * x, x),
    "Mul": lambda _, a, b: a * b,
    "Relu": lambda _, x: np.maximum(x, 0),
    "Sigmoid": lambda _, x: 0.5 + 0.5 * np.tanh(0.5 * x),  # the same, and never overflows
    "Softplus": lambda _, x: np.logaddexp(0, x),
    "Tanh": lambda _, x: np.tanh(x),
}
