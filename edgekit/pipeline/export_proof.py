"""The ONNX export of a model, compared with its torch modules on the user's own images."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import ParityError
from edgekit.export.torch_parity import SCORE, SMALLEST, prove_export
from edgekit.optional import require
from edgekit.pipeline.kept import asked_for, keep
from edgekit.reparam.parity import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgekit.export.torch_onnx import TorchDetector
    from edgekit.pipeline.origin import Origin
    from edgekit.protocols import Backend
    from edgekit.values import Floats, SourceModel

logger = logging.getLogger(__name__)

_DIFFERENCE = "max_rel"


def prove_on_images(
    source: SourceModel, origin: Origin | None, backend: Backend, images: Sequence[Floats]
) -> float | None:
    """Return the largest relative difference of an export from its torch modules on ``images``.

    Before it was kept, the export was compared on noise and a drawn picture. What this adds is
    kept beside it, by the content of graph and images, so that torch is needed once for each.

    Args:
        source: As it was loaded.
        origin: What it was exported from; ``None`` for an ONNX file.
        backend: Runs the graph.
        images: Each ``(1, 3, H, W)``, as the network takes them.

    Returns:
        ``None`` for an ONNX file, without images, where what is built anew may have other
        weights, or where no image tells detections apart.

    Raises:
        MissingExtraError: torch is not installed.
        ParityError: They differ beyond rounding; the export is not kept any longer.
    """
    if origin is None or source.export is None or not origin.identity or not images:
        return None
    record = source.export.with_name(f"{source.export.stem}-proof-{_key(source, images)}.json")
    kept = _kept(record)
    if kept is not None:
        return kept
    detector = origin.build().detector
    telling = _telling(detector, images)
    if not telling:
        return None
    try:
        parity = prove_export(detector, source.graph, backend, telling)
    except ParityError:
        source.export.unlink(missing_ok=True)
        raise
    _keep(record, parity.max_rel)
    return parity.max_rel


def _telling(detector: TorchDetector, images: Sequence[Floats]) -> list[Floats]:
    """Return those of ``images`` on which end-to-end detections have scores that differ.

    Where an image shows nothing they are equal, and which of them come out is chance.
    """
    if not detector.end_to_end:
        return list(images)
    torch = require("torch", extra="torch", needed_for="Comparing an export with torch")
    with torch.inference_mode():
        found = [detector.module(torch.from_numpy(image)).numpy()[..., SCORE] for image in images]
    margins = [8 * TOLERANCE * (scores.min() + SMALLEST) for scores in found]
    spreads = [np.ptp(scores) for scores in found]
    told = zip(images, spreads, margins, strict=True)
    return [image for image, spread, margin in told if spread > margin]


def _key(source: SourceModel, images: Sequence[Floats]) -> str:
    content = (source.graph.sha256.encode(), *(image.tobytes() for image in images))
    return hashlib.sha256(b"".join(content)).hexdigest()[:32]


def _kept(record: Path) -> float | None:
    """Return what was found before; ``None`` where nothing was, or the file was cut short."""
    try:
        return float(json.loads(asked_for(record).read_bytes())[_DIFFERENCE])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(record: Path, difference: float) -> None:
    try:
        keep(record, json.dumps({_DIFFERENCE: difference}).encode(), "export-*-proof-*.json")
    except OSError as err:
        logger.warning("Cannot keep %s: %s. Set EDGEKIT_CACHE.", record, err.strerror)
