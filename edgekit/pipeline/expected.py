"""Rows of estimated speed, for a device that is not this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.estimate.layers import fused_layers
from edgekit.estimate.processor import processors_of
from edgekit.estimate.rank import rank
from edgekit.estimate.roofline import work_of
from edgekit.pipeline.estimate import estimated_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.pipeline.job import Job
    from edgekit.report.schema import Row


def expected_rows(job: Job, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return an estimate for each of ``rows`` that the device's figures allow one for.

    Rows of the file as given have none: it is the rewritten network that is counted. A network
    that keeps layers in float is expected at the speed of one that keeps none.

    Args:
        job: Where it is for; on this computer, times are measured and nothing is estimated.
        rows: What is known without the device.
    """
    if job.place.absence is None:
        return ()
    name = job.options.device or job.recipe.device
    runtime, part = job.place.runtime.name, job.recipe.provider
    able = [
        processor
        for processor in processors_of(name, job.device)
        if processor.runtime == runtime and processor.part == part
    ]
    work = work_of(fused_layers(job.network.graph))
    return tuple(
        estimated_row(f"{row.name}-estimate", one, row.input_hw)
        for row in rows
        if row.name != "as-given"
        for one in rank(work, able, row.precision)[:1]
    )
