"""Several runtimes measured beside each other, and the one to ship."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.config.recipe import find_recipe
from edgekit.errors import ConfigError, MissingExtraError, StageError
from edgekit.pipeline.job import Built, Measured
from edgekit.pipeline.place import find_place
from edgekit.report.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgekit.pipeline.job import Job
    from edgekit.pipeline.rows import Entry


@dataclass(frozen=True, eq=False)
class Jobs:
    """One model for several recipes.

    Attributes:
        jobs: The one that was asked for, then those its recipe names beside it.
        warnings: Of recipes that cannot be made here, one sentence each.
    """

    jobs: tuple[Job, ...]
    warnings: tuple[str, ...] = ()


def jobs_beside(job: Job) -> Jobs:
    """Return ``job`` and the same for every recipe that its own names beside it.

    Raises:
        ConfigError: Two of them are for one runtime.
    """
    found, warnings = [job], []
    for target in job.recipe.beside:
        recipe = find_recipe(target)
        if recipe.backend in {known.recipe.backend for known in found}:
            raise ConfigError(
                f"--target {job.options.target}, key 'beside': expected recipes for a runtime "
                f"each, found '{target}' for {recipe.backend} as well. Leave one of them out."
            )
        try:
            place = find_place(recipe, target, job.options.device)
        except MissingExtraError as err:
            warnings.append(_left_out(target, err))
        else:
            found.append(replace(job, recipe=recipe, place=place))
    return Jobs(tuple(found), tuple(warnings))


def build_beside(beside: Jobs, build: Callable[[Job], Built]) -> tuple[Jobs, tuple[Built, ...]]:
    """Return what ``build`` gives for each of the jobs, and the jobs that it gives anything for.

    Raises:
        StageError: The first, which was asked for, cannot be built.
    """
    first, *others = beside.jobs
    jobs, built, warnings = [first], [build(first)], list(beside.warnings)
    for job in others:
        try:
            built.append(build(job))
        except StageError as err:
            warnings.append(_left_out(job.recipe.backend, err))
        else:
            jobs.append(job)
    return Jobs(tuple(jobs), tuple(warnings)), tuple(built)


def _left_out(target: str, err: Exception) -> str:
    return f"{target} was not measured beside it: {err}"


def together(jobs: Sequence[Job], built: Sequence[Built]) -> Built:
    """Return all candidates of ``built``, one for each of ``jobs``, to be measured in one run.

    Those of the first keep their names; the others' have the runtime's in front, and the file as
    given is not run again.
    """
    first, *others = built
    entries = list(first.entries)
    for job, other in zip(jobs[1:], others, strict=True):
        entries += [_renamed(entry, job) for entry in other.entries[1:]]
    notes = tuple(note for each in built for note in each.notes)
    return replace(first, entries=tuple(entries), notes=notes)


def _renamed(entry: Entry, job: Job) -> Entry:
    name = f"{job.recipe.backend}-{entry.candidate.name}"
    return replace(entry, candidate=replace(entry.candidate, name=name))


def to_ship(
    jobs: Sequence[Job], built: Sequence[Built], every: Built, measured: Measured
) -> tuple[Job, Built, Measured]:
    """Return the job whose runtime is shipped, and all that was built and measured, its own last.

    Args:
        jobs: As ``jobs_beside`` gives them.
        built: What was built for each.
        every: The same together, as it was measured.
        measured: What that gave.
    """
    if len(jobs) == 1:
        return jobs[0], every, measured
    paired = measured.run.speedups() if measured.run else {}
    verdict = decide(measured.rows, jobs[0].budget, paired)
    name = verdict.ship or verdict.candidate or every.entries[-1].candidate.name
    order = sorted(range(len(every.entries)), key=lambda i: every.entries[i].candidate.name == name)
    entries = tuple(every.entries[i] for i in order)
    runtime = entries[-1].candidate.backend.name
    at = next(i for i, job in enumerate(jobs) if job.recipe.backend == runtime)
    quantized = built[at].quantized if entries[-1].precision == "int8" else None
    rows = tuple(measured.rows[i] for i in order)
    return jobs[at], Built(entries, quantized, notes=every.notes), replace(measured, rows=rows)
