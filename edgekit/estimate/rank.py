"""Devices in the order of what a network is expected to take on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.estimate.constants import CONSTANTS
from edgekit.estimate.roofline import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edgekit.estimate.processor import Processor
    from edgekit.estimate.roofline import Estimate, Work
    from edgekit.values import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
WEAK = 0.35
"""Median error beyond which the estimates of a family are called weak."""
BEYOND = 1.5
"""How many times the fastest of them, or how much less than the slowest, is no longer like them."""


def precisions_of(processor: Processor) -> tuple[Precision, ...]:
    """Return those of which a figure of ``processor`` and a fitted constant are known."""
    fitted = CONSTANTS[processor.family].efficiency
    return tuple(p for p in PRECISIONS if p in processor.peaks and p in fitted)


def rank(
    work: Work, processors: Iterable[Processor], precision: Precision | None = None
) -> tuple[Estimate, ...]:
    """Return one estimate per processor, the fastest first.

    Args:
        work: Of the network.
        processors: Those that cannot run ``precision`` are left out.
        precision: ``None`` takes the one expected to be fastest, of each processor its own.
    """
    found = (_fastest(work, processor, precision) for processor in processors)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.ms))


def doubts(one: Estimate) -> tuple[str, ...]:
    """Return why an estimate is worth less than its family's interval says, a clause each."""
    return tuple(_doubts(one))


def _fastest(work: Work, processor: Processor, precision: Precision | None) -> Estimate | None:
    known = precisions_of(processor)
    taken = known if precision is None else tuple(p for p in known if p == precision)
    estimates = [estimate(work, processor, p) for p in taken]
    return min(estimates, key=lambda one: one.ms, default=None)


def _doubts(one: Estimate) -> Iterator[str]:
    constants = one.constants
    devices = {*constants.fitted_on, *constants.checked_on}
    if constants.error is None:
        yield "no published time checked these constants"
    elif constants.error > WEAK:
        yield f"these constants were off by {constants.error:.0%} where they were checked"
    if len(devices) < 3:
        yield f"they stand on {' and '.join(sorted(devices))} alone"
    slowest, fastest = constants.peaks.get(one.precision, (0.0, float("inf")))
    peak = one.processor.peaks[one.precision] / 1e12
    if peak > BEYOND * fastest or peak < slowest / BEYOND:
        side = "faster" if peak > fastest else "slower"
        yield f"it is {side} than any device they were compared with"
    if one.processor.unverified:
        yield f"unverified: {', '.join(one.processor.unverified)}"
