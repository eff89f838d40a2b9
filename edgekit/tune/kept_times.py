"""Times of nodes kept between runs: a search that goes on has to expect what it expected before."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from edgekit.backends.node_times import NodeTimes
from edgekit.pipeline.kept import Form, remembered
from edgekit.tune.forecast import Times

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def kept_times(folder: Path | None, key: tuple[str, ...], measure: Callable[[], Times]) -> Times:
    """Return what ``measure`` returns, or what it returned before for the same ``key``.

    Args:
        folder: Where results are kept; ``None`` keeps none.
        key: Hashes and names of everything the times depend on.
        measure: Does the work.
    """
    return remembered(folder, "node-times", key, measure, Form("json", _read, _write))


def _read(content: bytes) -> Times:
    document = json.loads(content)
    return Times(
        in_float=NodeTimes(**document["in_float"]),
        in_int8=NodeTimes(**document["in_int8"]),
        per_element=float(document["per_element"]),
    )


def _write(times: Times) -> bytes:
    return json.dumps(asdict(times)).encode()
