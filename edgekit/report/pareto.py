"""Which rows no other row beats."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.report.schema import Row


def pareto_front(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the measured rows that no other is both as fast and as accurate as, fastest first.

    Rows without a latency or an mAP cannot be placed and are left out; of rows with the same
    two figures the first stands for all.
    """
    placed = [r for r in rows if r.shippable and r.map is not None]
    front: list[Row] = []
    for row in sorted(placed, key=lambda r: (_p50(r), -_map(r))):
        if not front or _map(row) > _map(front[-1]):
            front.append(row)
    return tuple(front)


def _p50(row: Row) -> float:
    assert row.latency_ms is not None
    return row.latency_ms.p50


def _map(row: Row) -> float:
    assert row.map is not None
    return row.map
