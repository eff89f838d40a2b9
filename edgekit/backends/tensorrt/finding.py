"""What a check of a file for TensorRT says, and what its parts read of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from onnx_ir import convenience

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

Kind = Literal["error", "warning"]
"""``error``: TensorRT refuses the file or reads another network from it. ``warning``: it builds,
and is slower or less accurate than it could be."""

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True)
class Finding:
    """Something about one node of a network.

    Attributes:
        kind: Whether it may be built at all.
        node: The node's name and operator, or ``the network``.
        expected: What TensorRT wants there.
        found: What is there.
        advice: What to do.
    """

    kind: Kind
    node: str
    expected: str
    found: str
    advice: str

    def __str__(self) -> str:
        """All of it, in one line."""
        return (
            f"{self.kind}: {self.node}: expected {self.expected}, found {self.found}. {self.advice}"
        )


def named(node: ir.Node) -> str:
    """Return how a message calls ``node``: files of others leave names out."""
    name = node.name or f"what gives '{node.outputs[0].name}'"
    return f"{name} ({node.op_type})"


def array_of(value: ir.Value | None) -> NDArray[np.generic] | None:
    """Return the numbers of a constant, an initializer or a Constant node; ``None`` for others."""
    tensor = None if value is None else convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def input_of(node: ir.Node, position: int) -> ir.Value | None:
    """Return an input of ``node``; ``None`` where it is left out."""
    return node.inputs[position] if position < len(node.inputs) else None


def maker(value: ir.Value | None, op_type: str) -> ir.Node | None:
    """Return the node that makes ``value``, if it is an ``op_type``."""
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type == op_type else None


def readers(node: ir.Node, op_type: str) -> list[ir.Node]:
    """Return the nodes of kind ``op_type`` that read the first output of ``node``."""
    return [use.node for use in node.outputs[0].uses() if use.node.op_type == op_type]


def scale_of(node: ir.Node) -> NDArray[np.float64] | None:
    """Return the scales of a quantize or dequantize node, flat; ``None`` where computed."""
    scale = array_of(input_of(node, 1))
    return None if scale is None else scale.astype(np.float64).reshape(-1)


def same_scale(left: ir.Node, right: ir.Node) -> bool:
    """Return whether two nodes have one scale between them, or nothing is known of one."""
    one, other = scale_of(left), scale_of(right)
    if one is None or other is None:
        return True
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-6, atol=0))
