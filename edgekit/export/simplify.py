"""Graphs simplified by onnxsim until nothing changes, with proof that they compute the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxsim

from edgekit.errors import StageError
from edgekit.graphs import graph_from_model, graph_from_proto, graph_to_proto
from edgekit.reparam.normal_form import normal_form
from edgekit.reparam.parity import prove_parity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.protocols import Backend
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Graph

_ROUNDS = 5


def simplify(graph: Graph, backend: Backend, inputs: Sequence[Feeds]) -> Graph:
    """Return ``graph`` with constants folded and needless nodes gone; outputs keep their names.

    Batch normalizations stay: ``reparam.fold`` folds them with a proof for each.

    Args:
        graph: Static shapes, so that shape arithmetic becomes constants.
        backend: Runs both graphs to compare them.
        inputs: What they are compared on.

    Raises:
        ParityError: The simplified graph computes something else.
        StageError: onnxsim fails, or does not come to rest.
    """
    current = graph
    for _ in range(_ROUNDS):
        simpler = _simplify_once(current)
        if simpler.sha256 == current.sha256:
            break
        current = simpler
    else:
        raise StageError(
            f"onnxsim still changes the graph after {_ROUNDS} rounds: expected it to come to rest. "
            "Simplify the file with onnxsim first and hand in the result."
        )
    prove_parity(graph, current, backend, inputs)
    return graph_from_model(current.model, parent=graph.sha256)


def _simplify_once(graph: Graph) -> Graph:
    try:
        proto, _ = onnxsim.simplify(graph_to_proto(graph), skip_fuse_bn=True)
    except (RuntimeError, ValueError) as err:
        raise StageError(
            f"onnxsim cannot simplify the graph: expected a valid one, found: {err}. "
            "Check the file with onnx.checker, or export it again with opset 17."
        ) from err
    kept = [p for p in proto.metadata_props if not p.key.startswith("onnxsim.")]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    return graph_from_model(normal_form(graph_from_proto(proto).model))
