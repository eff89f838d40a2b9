"""Proof that an exported graph computes what the torch module computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import ParityError
from edgekit.export.torch_onnx import INPUT
from edgekit.graphs import graph_to_bytes
from edgekit.optional import require
from edgekit.reparam.parity import TOLERANCE, Parity, compare, compare_with_noise, rounding_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.export.torch_onnx import TorchDetector
    from edgekit.protocols import Backend
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Floats, Graph

SCORE = 4  # the column of a detection after its four corners
Tensors = tuple["Floats", ...]
SMALLEST = 1e-3  # scores below it are as good as none, and sigmoids that small are not exact


def prove_export(
    detector: TorchDetector,
    graph: Graph,
    backend: Backend,
    images: Sequence[Floats],
    tolerance: float = TOLERANCE,
) -> Parity:
    """Return how closely ``graph`` computes what the module of ``detector`` computes.

    Two convolutions of the same numbers differ by rounding, which may swap detections whose
    scores are as good as equal. So an end-to-end detector is compared detection by detection,
    each with the one most like it, but for those that were nearly not among the best. Another
    whose own values change by more than ``tolerance`` with the last digit of the image may differ
    by four times as much, as in ``reparam.parity``.

    Args:
        detector: What was exported.
        graph: What it was exported to.
        backend: Runs the graph.
        images: Each ``(N, 3, H, W)``, in the range the detector takes.
        tolerance: Largest difference, relative to a value and to what is usual beside it.

    Raises:
        ParityError: They differ beyond ``tolerance``, or in shape.
    """
    expected = [_run_torch(detector, image) for image in images]
    found = _run_graph(graph, backend, images)
    for wanted, got in zip(expected, found, strict=True):
        if (before := _shapes(wanted)) != (after := _shapes(got)):
            raise _differs(f"predictions of shape {before}", after)
    if detector.end_to_end:
        pairs = [_paired(a[0], b[0], tolerance) for a, b in zip(expected, found, strict=True)]
        expected, found = [pair[:1] for pair in pairs], [pair[1:] for pair in pairs]
    parity = compare(_named(expected), _named(found), np.inf)
    if parity.max_rel <= tolerance:
        return parity
    limit, far = f"a relative difference of at most {tolerance:g}", f"{parity.max_rel:.3g}"
    if detector.end_to_end:
        raise _differs(limit, far)
    noise = _noise(detector, images, expected)
    try:
        return compare_with_noise(_named(expected), _named(found), noise, tolerance)
    except ParityError as err:
        largest = max(size for run in noise for size in run.values())
        raise _differs(f"{limit}, or four times the {largest:.2g} of rounding", far) from err


def _noise(
    detector: TorchDetector, images: Sequence[Floats], expected: list[Tensors]
) -> list[dict[str, float]]:
    """Return what rounding does to the outputs ``expected`` of the module."""

    def run(inputs: Sequence[Feeds]) -> list[dict[str, Floats]]:
        return _named([_run_torch(detector, feeds[INPUT].astype(np.float32)) for feeds in inputs])

    return rounding_noise(run, [{INPUT: image} for image in images], _named(expected))


def _run_torch(detector: TorchDetector, image: Floats) -> Tensors:
    torch = require("torch", extra="torch", needed_for="Reading a PyTorch checkpoint")
    with torch.inference_mode():
        given = detector.module(torch.from_numpy(image))
    outputs = given if isinstance(given, tuple) else (given,)
    return tuple(np.asarray(output.numpy(), np.float32) for output in outputs)


def _run_graph(graph: Graph, backend: Backend, images: Sequence[Floats]) -> list[Tensors]:
    names = [value.name or "" for value in graph.model.graph.outputs]
    source = graph.model.graph.inputs[0].name or ""
    with backend.open(graph_to_bytes(graph)) as session:
        runs = [session.run({source: image}) for image in images]
    return [tuple(run[name].astype(np.float32) for name in names) for run in runs]


def _shapes(outputs: Tensors) -> str:
    return " and ".join(str(output.shape) for output in outputs)


def _named(runs: list[Tensors]) -> list[dict[str, Floats]]:
    return [{str(place): output for place, output in enumerate(run)} for run in runs]


def _paired(expected: Floats, found: Floats, tolerance: float) -> tuple[Floats, Floats]:
    """Return detections ``(R, 6)``, and for each the one most like it on the other side.

    From each side come those of ``(N, D, 6)`` that are safely among the best.
    """
    scale = np.abs(expected).mean((0, 1)) + SMALLEST
    kept, like = [], []
    for rows, others in zip(expected, found, strict=True):
        wanted, got = _safe(rows, tolerance), _safe(others, tolerance)
        kept += [wanted, _most_like(got, rows, scale)]
        like += [_most_like(wanted, others, scale), got]
    both = np.concatenate(kept), np.concatenate(like)
    if not len(both[0]):
        raise _differs("detections of different scores", "that all are equal, which proves nothing")
    return both


def _safe(rows: Floats, tolerance: float) -> Floats:
    """Return the detections that rounding does not replace by others."""
    lowest = rows[:, SCORE].min()
    safe: Floats = rows[rows[:, SCORE] > lowest + 4 * tolerance * (lowest + SMALLEST)]
    return safe


def _most_like(rows: Floats, others: Floats, scale: Floats) -> Floats:
    """Return for each of ``rows`` the one of ``others`` that differs least."""
    gaps = (np.abs(rows[:, None] - others[None]) / scale).max(-1)
    nearest: Floats = others[gaps.argmin(1)]
    return nearest


def _differs(expected: str, found: str) -> ParityError:
    return ParityError(
        "The exported ONNX graph does not compute what the checkpoint's modules compute: expected "
        f"{expected}, found {found}. Export the model with its own package and give edgekit the "
        "ONNX file; and please report this."
    )
