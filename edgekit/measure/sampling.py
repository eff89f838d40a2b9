"""A few images out of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.values import ImageRecord


def spread(records: Sequence[ImageRecord], count: int) -> tuple[ImageRecord, ...]:
    """Return at most ``count`` records, evenly spread from the first to the last."""
    if len(records) <= count:
        return tuple(records)
    return tuple(records[int(i)] for i in np.linspace(0, len(records) - 1, count))
