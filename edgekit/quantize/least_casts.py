"""The fewest casts between two precisions, as a minimum cut.

Nodes that only move values may run on either side. A value costs one cast where a node on the
other side than its producer reads it, however many do. Both costs are submodular, so the cheapest
choice is a minimum cut between the two sides.

Source:
    Kolmogorov and Zabih, "What energy functions can be minimized via graph cuts?" (PAMI 2004);
    the cut by shortest augmenting paths, Edmonds and Karp (JACM 1972).
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FLOAT, HALF = 0, 1
_ENDLESS = 1 << 30


@dataclass(frozen=True)
class Wire:
    """A value between nodes, each named by a number; ``FLOAT`` and ``HALF`` are the sides."""

    producer: int
    consumers: frozenset[int]


def float_side(wires: Iterable[Wire]) -> frozenset[int]:
    """Return the free nodes to run in float32 so that the fewest wires need a cast.

    Of several cheapest choices it is the one with the fewest such nodes.

    Args:
        wires: Of one graph. A producer or consumer of fixed precision is ``FLOAT`` or ``HALF``;
            any other number is a node that may run in either.
    """
    capacity: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    fresh = -1
    for wire in wires:
        if {wire.producer, *wire.consumers} <= {FLOAT, HALF}:
            continue  # decided already, whatever the others do
        capacity[wire.producer][fresh] = 1
        capacity[fresh - 1][wire.producer] = 1
        for consumer in wire.consumers:
            capacity[fresh][consumer] = capacity[consumer][fresh - 1] = _ENDLESS
        fresh -= 2
    while path := _path(capacity):
        for start, end in path:  # every path crosses a wire, and a wire has a capacity of one
            capacity[start][end] -= 1
            capacity[end][start] += 1
    return frozenset(node for node in _reached(capacity) if node > HALF)


def _path(capacity: Mapping[int, Mapping[int, int]]) -> list[tuple[int, int]]:
    """Return the edges of a shortest path with capacity left; empty where there is none."""
    came_from = _reached(capacity)
    path, node = [], HALF
    while node in came_from and node != FLOAT:
        path.append((came_from[node], node))
        node = came_from[node]
    return path


def _reached(capacity: Mapping[int, Mapping[int, int]]) -> dict[int, int]:
    """Return every node that ``FLOAT`` still reaches, and the one before it on the way."""
    came_from, pending = {FLOAT: FLOAT}, deque([FLOAT])
    while pending:
        node = pending.popleft()
        for end, left in tuple(capacity.get(node, {}).items()):
            if left > 0 and end not in came_from:
                came_from[end] = node
                pending.append(end)
    return came_from
