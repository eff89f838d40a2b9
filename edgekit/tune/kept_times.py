"""Times of nodes kept between runs: a search that goes on has to expect what it expected before."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgekit.backends.node_times import NodeTimes
from edgekit.pipeline.kept import asked_for, keep
from edgekit.tune.forecast import Times

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)


def kept_times(folder: Path | None, key: tuple[str, ...], measure: Callable[[], Times]) -> Times:
    """Return what ``measure`` returns, or what it returned before for the same ``key``.

    Args:
        folder: Where results are kept; ``None`` keeps none.
        key: Hashes and names of everything the times depend on.
        measure: Does the work.
    """
    if folder is None:
        return measure()
    path = folder / f"node-times-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]}.json"
    try:
        return _times(json.loads(asked_for(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        measured = measure()
    try:
        keep(path, json.dumps(asdict(measured)).encode(), "node-times-*.json")
    except OSError as err:
        logger.warning("Cannot keep times in %s: %s. Set EDGEKIT_CACHE.", folder, err.strerror)
    return measured


def _times(document: dict[str, Any]) -> Times:
    return Times(
        in_float=NodeTimes(**document["in_float"]),
        in_int8=NodeTimes(**document["in_int8"]),
        per_element=float(document["per_element"]),
    )
