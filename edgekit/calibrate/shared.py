"""One range for all that is joined, where that harms the predictions less.

A join (Concat) of values with encodings of their own rounds them a second time, to the encoding of
what it gives. With one encoding for all it copies. The price is that values of small numbers are
rounded in steps that suit larger ones, and so they are for whoever else reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.calibrate.observers import least_error, least_symmetric_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.calibrate.observers import Error
    from edgekit.values import Join, Range, Statistics


def shared_ranges(
    errors: Mapping[str, Error],
    statistics: Statistics,
    ranges: Mapping[str, Range],
    joins: Sequence[Join],
    *,
    always: bool = False,
) -> dict[str, Range]:
    """Return the one range for all that is joined, by the output of every join that is to have one.

    Harm is the squared error weighed by importance, summed over what is rounded: with one range
    that is what goes into the join, else what comes out of it and what others read as well. Joins
    with a value in common share one range. Those with a value of unknown importance share none.
    Where all of their ranges reach as far below zero as above, so does the one they share.

    Args:
        errors: What rounding a value costs, as ``ranges.rounding_errors`` tells.
        statistics: Of its values.
        ranges: Of its values, each chosen for itself.
        joins: In the graph's order.
        always: Whether all joins share that can, whatever the harm: a runtime may join nothing else
            without rounding once more in a node of its own.
    """
    nested = {name for join in joins for name in join.alone}
    names = {name for join in joins for name in (join.output, *join.alone, *join.others)}
    groups = {name: _Group.of(name, ranges[name], errors[name]) for name in names & errors.keys()}
    chosen = []
    for join in joins:
        all_known = groups.keys() >= {join.output, *join.alone, *join.others}
        if join.whole and all_known and join.output not in nested:
            apart = {groups[name] for name in (*join.others, join.output)}
            joined = _joined(join, groups, errors, statistics)
            if always or joined.harm < sum(group.harm for group in apart):
                groups.update(dict.fromkeys(joined.members, joined))
                chosen.append(join.output)
    return {output: groups[output].span for output in chosen}


@dataclass(frozen=True)
class _Group:
    """Values that have one range.

    Attributes:
        members: All of them.
        rounded: Those that are rounded; the others are copied from these.
        span: The range.
        harm: What rounding to it does.
    """

    members: frozenset[str]
    rounded: frozenset[str]
    span: Range
    harm: float

    @classmethod
    def of(cls, name: str, span: Range, error: Error) -> _Group:
        """Return the group of a single value."""
        return cls(frozenset([name]), frozenset([name]), span, error(span.low, span.high))


def _joined(
    join: Join, groups: Mapping[str, _Group], errors: Mapping[str, Error], statistics: Statistics
) -> _Group:
    """Return the group of ``join`` and all it is tied to, on the range that suits it best."""
    tied = {groups[name] for name in join.others}
    rounded = frozenset(join.alone).union(*(group.rounded for group in tied))
    members = frozenset([join.output, *join.alone]).union(*(group.members for group in tied))
    seen = [statistics.tensors[name] for name in rounded]

    def harm(low: float, high: float) -> float:
        return sum(errors[name](low, high) for name in rounded)

    floor, ceiling = min(0.0, *(s.low for s in seen)), max(0.0, *(s.high for s in seen))
    apart = {group.span for group in (*tied, *(groups[n] for n in (join.output, *join.alone)))}
    if all(span.low == -span.high for span in apart):
        span = least_symmetric_error(harm, max(-floor, ceiling))
    else:
        span = least_error(harm, floor, ceiling)
    return _Group(members, rounded, span, harm(span.low, span.high))
