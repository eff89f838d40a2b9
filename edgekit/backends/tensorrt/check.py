"""What TensorRT would reject in an ONNX file or read otherwise than it is meant, without TensorRT.

Its parser takes unsigned integers for signed ones with a warning, and a scale per channel of an
activation without any: such a file builds and finds other boxes. So every file is checked here
before it leaves, and anybody's file can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.backends.tensorrt.check_encodings import check_encodings, check_types
from edgekit.backends.tensorrt.check_operators import check_operators
from edgekit.backends.tensorrt.check_placement import check_placement
from edgekit.errors import ModelError, StageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edgekit.backends.tensorrt.finding import Finding
    from edgekit.values import Graph


def check(model: ir.Model, version: tuple[int, int]) -> tuple[Finding, ...]:
    """Return all that is wrong with ``model`` for TensorRT, errors first.

    Args:
        model: Any ONNX network.
        version: Of TensorRT, major and minor, 8.5 or later.
    """
    nodes = list(model.graph.all_nodes())
    found = [
        *check_operators(nodes, dict(model.opset_imports), version),
        *check_types(nodes, version),
        *check_encodings(nodes),
        *check_placement(nodes),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: finding.kind != "error"))


def check_file(path: Path, version: tuple[int, int]) -> tuple[Finding, ...]:
    """Return what ``check`` says of an ONNX file.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        model = ir.load(path)
    except Exception as err:  # protobuf's and the reader's errors share no base
        raise ModelError(
            f"Cannot read '{path}': expected an ONNX file, found one that does not parse ({err}). "
            "Export the model again."
        ) from err
    return check(model, version)


def require_clean(graph: Graph, versions: Iterable[tuple[int, int]]) -> tuple[Finding, ...]:
    """Return the warnings for ``graph``, which may be built by all of ``versions``.

    Raises:
        StageError: TensorRT would reject it or read another network; the message has every error.
    """
    found = dict.fromkeys(f for version in versions for f in check(graph.model, version))
    errors = [finding for finding in found if finding.kind == "error"]
    if errors:
        raise StageError(
            f"TensorRT cannot build the network: {len(errors)} errors.\n"
            + "\n".join(str(finding) for finding in errors)
        )
    return tuple(found)
