"""Weights of an ONNX file that are no numbers, found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir as ir
    from numpy.typing import NDArray

    from edgekit.values import Graph

# What computes with its constants. Elsewhere an infinite one may be meant: a mask, a bound.
_WEIGHTED = frozenset({"BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul"})


def refuse_not_finite(graph: Graph, path: Path) -> None:
    """Raise when a constant of ``graph`` has a NaN, or a weight an infinite value.

    Args:
        graph: A network with its constants as initializers.
        path: Of its file.

    Raises:
        ModelError: One has; the message names the first, and what reads it.
    """
    for node in graph.model.graph:
        for value in node.inputs:
            array = _floats(value)
            if array is None or np.isfinite(array).all():
                continue
            assert value is not None
            if np.isnan(array).any():
                _refuse(path, f"'{value.name}'", node, "NaN", np.isnan(array))
            if node.op_type in _WEIGHTED:
                _refuse(path, f"'{value.name}'", node, "infinite", np.isinf(array))


def _floats(value: ir.Value | None) -> NDArray[np.floating] | None:
    if value is None or value.const_value is None:
        return None
    array = value.const_value.numpy()
    return array if array.dtype.kind == "f" else None


def _refuse(path: Path, weight: str, node: ir.Node, what: str, wrong: NDArray[np.bool_]) -> None:
    raise ModelError(
        f"Cannot load '{path}': expected weights that are numbers, found {int(wrong.sum())} of "
        f"{wrong.size} in {weight}, read by the {node.op_type} '{node.name}', that are {what}. "
        "The training diverged, or 16 bits did not hold them: export an earlier checkpoint, or "
        "this one in float32."
    )
