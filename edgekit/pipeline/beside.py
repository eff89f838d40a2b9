"""Several runtimes measured beside each other, and the one to ship."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.config.recipe import find_recipe
from edgekit.errors import ConfigError, MissingExtraError, ParityError, StageError
from edgekit.pipeline.job import Built, Measured
from edgekit.pipeline.place import find_place
from edgekit.report.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgekit.config.recipe import Recipe
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

    The gates are those of ``job``: whichever runtime is shipped has to meet what was asked for.

    Raises:
        ConfigError: Two of them are for one runtime, or for different devices or precisions.
    """
    found, warnings = [job], []
    for target in job.recipe.beside:
        recipe = find_recipe(target)
        _require_comparable(job, target, recipe, found)
        try:
            place = find_place(recipe, target, job.options.device)
        except MissingExtraError as err:
            warnings.append(_left_out(recipe, err))
        else:
            recipe = recipe.model_copy(update={"gates": job.recipe.gates})
            found.append(replace(job, recipe=recipe, place=place))
    return Jobs(tuple(found), tuple(warnings))


def _require_comparable(job: Job, target: str, recipe: Recipe, found: Sequence[Job]) -> None:
    """Raise unless ``recipe`` is another runtime's for the same processor and precision."""
    own = job.recipe
    clashes = {
        "a runtime each": recipe.backend in {known.recipe.backend for known in found},
        f"the device '{own.device}'": recipe.device != own.device,
        f"its {own.provider}": recipe.provider != own.provider,
        f"precision {own.precision.kind}": recipe.precision.kind != own.precision.kind,
    }
    for expected in (words for words, clash in clashes.items() if clash):
        raise ConfigError(
            f"--target {job.options.target}, key 'beside': expected recipes for {expected}, found "
            f"'{target}' ({recipe.backend}, {recipe.precision.kind}, on the {recipe.provider} of "
            f"'{recipe.device}'). Leave it out, or name another."
        )


def build_beside(beside: Jobs, build: Callable[[Job], Built]) -> tuple[Jobs, tuple[Built, ...]]:
    """Return what ``build`` gives for each of the jobs, and the jobs that it gives anything for.

    Raises:
        MissingExtraError: The first, which was asked for, needs a package that is not here.
        StageError: It cannot be built, or a rewrite of another is not exact.
    """
    first, *others = beside.jobs
    jobs, built, warnings = [first], [build(first)], list(beside.warnings)
    for job in others:
        try:
            built.append(build(job))
        except ParityError:
            raise  # our own rewrite went wrong, whatever the runtime
        except (MissingExtraError, StageError) as err:
            warnings.append(_left_out(job.recipe, err))
        else:
            jobs.append(job)
    return Jobs(tuple(jobs), tuple(warnings)), tuple(built)


def _left_out(recipe: Recipe, err: Exception) -> str:
    return f"{recipe.backend} was not measured beside it: {err}"


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

    Where the file as given is best, edgekit's own float network is what goes into the artifact.

    Args:
        jobs: As ``jobs_beside`` gives them.
        built: What was built for each.
        every: The same together, as it was measured.
        measured: What that gave.
    """
    if len(jobs) == 1:
        return jobs[0], every, measured
    verdict = decide(measured.rows, jobs[0].budget, measured.speedups)
    given, fp32 = (entry.candidate.name for entry in every.entries[:2])
    name = verdict.ship or verdict.candidate or every.entries[-1].candidate.name
    name = fp32 if name == given else name
    order = sorted(range(len(every.entries)), key=lambda i: every.entries[i].candidate.name == name)
    entries = tuple(every.entries[i] for i in order)
    runtime = entries[-1].candidate.backend.name
    at = next(i for i, job in enumerate(jobs) if job.recipe.backend == runtime)
    made = built[at] if entries[-1].precision != "fp32" else Built((), None)
    rows = tuple(measured.rows[i] for i in order)
    return (
        jobs[at],
        replace(made, entries=entries, notes=every.notes),
        replace(measured, rows=rows, verdict=verdict),
    )
