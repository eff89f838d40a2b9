"""``edgekit tune``: the precision of every layer, and the input size, by search and measurement."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgekit.config.recipe import Int8
from edgekit.errors import ConfigError, MissingError
from edgekit.images.classes import match_classes
from edgekit.measure.latency import LatencyOptions
from edgekit.pipeline.assemble import report_of, write_result
from edgekit.pipeline.convert import (
    Conversion,
    check_preprocessing,
    float_entries,
    measure_built,
    open_job,
)
from edgekit.pipeline.diagnosing import explain
from edgekit.pipeline.folder import whole_folder
from edgekit.pipeline.int8 import int8_options
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.protocols import busy, silent
from edgekit.report.searched import missed_on_report
from edgekit.report.verdict import missed
from edgekit.tune.journal import Journal
from edgekit.tune.network import tuned_network
from edgekit.tune.options import open_search_images
from edgekit.tune.outcome import Outcome, Sized
from edgekit.tune.search import Need, search
from edgekit.tune.trials import QUICK, Bench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.measure.candidate import Candidate
    from edgekit.pipeline.job import Job
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.protocols import Progress
    from edgekit.tune.options import TuneOptions


def tune(path: Path, options: TuneOptions, progress: Progress = silent) -> Conversion:
    """Return the report of the best network found; the folder is written at the end.

    Raises:
        ConfigError: Bad input; nothing was written.
        MissingError: The target's device is not this computer, which is what is timed.
        StageError: A stage failed; nothing was written.
    """
    with whole_folder(options.convert.out) as folder, TemporaryDirectory(prefix="edgekit-") as temp:
        models = Path(temp)
        sizes = _sizes(path, options, progress)
        warning = check_preprocessing(sizes[0].job, progress)
        found = _search(sizes, options, models, progress)
        built, job = found.built(models), found.job
        measured = measure_built(sizes[0].job, built, progress)
        measured = explain(job, built, measured, progress, found.row_name)
        with busy(progress, "report"):
            report = report_of(job, built, measured, (warning,) if warning else (), found.part())
            write_result(job, built, measured, report, folder)
    row = report.row(found.row_name)
    over = missed(row, job.budget) if job.gated else ()
    over = (*over, *missed_on_report(found.part(), row))
    return Conversion(report, over if found.met else (*over, found.shortfall))


def _sizes(path: Path, options: TuneOptions, progress: Progress) -> tuple[Sized, ...]:
    """Return the networks to search among: one for every input size."""
    sides = options.sizes or (None,)
    first = _open(path, _at(options.convert, sides[0]), options, progress)
    jobs = [first]
    for side in sides[1:]:
        model = _at(options.convert, side).model
        with busy(progress, "load and prove"):
            detector = prepare(path, model, first.sets.calibration)
            jobs.append(replace(first, detector=detector, network=network_of(detector)))
    precision = first.recipe.precision
    assert isinstance(precision, Int8)
    assert first.sets.calibration is not None
    how = int8_options(precision, first.place, options.convert.cache)
    runtime, calibration = first.place.runtime, first.sets.calibration
    return tuple(
        Sized(job, tuned_network(job.network, calibration, how, runtime, progress)) for job in jobs
    )


def _at(options: ConvertOptions, side: int | None) -> ConvertOptions:
    """Return ``options`` for a square input of ``side`` pixels; as they are for ``None``."""
    if side is None:
        return options
    return replace(options, model=replace(options.model, input_hw=(side, side)))


def _open(path: Path, convert: ConvertOptions, options: TuneOptions, progress: Progress) -> Job:
    job = open_job(path, convert, progress)
    if not isinstance(job.recipe.precision, Int8):
        raise ConfigError(
            f"--target {convert.target} quantizes nothing: expected one in INT8, whose layers may "
            "each be in another precision. List them with: edgekit targets"
        )
    if job.recipe.precision.nncf is not None:
        raise ConfigError(
            f"--target {convert.target} quantizes by NNCF: expected edgekit's own encodings, whose "
            "layers may each be in another precision. Search with --target openvino-cpu-int8."
        )
    if job.recipe.beside:
        raise ConfigError(
            f"--target {convert.target} measures several runtimes: expected one to search on. "
            f"Take the one that a conversion ships of: {', '.join(_each(job))}"
        )
    absence = job.place.absence
    if absence is not None:
        raise MissingError(
            f"A search needs times of {job.device.name}, found another computer ({absence}). Run "
            "it there, or leave out --device."
        )
    return replace(job, sets=open_search_images(job.sets, options))


def _each(job: Job) -> tuple[str, ...]:
    """Return the names of the recipes that ``job``'s recipe measures beside each other."""
    own = (job.recipe.extends,) if job.recipe.extends else ()
    return (*own, *job.recipe.beside)


def _search(
    sizes: Sequence[Sized], options: TuneOptions, models: Path, progress: Progress
) -> Outcome:
    job = sizes[0].job
    assert job.sets.search is not None
    baseline = float_entries(job, models)[-1].candidate
    ids = None
    if job.sets.search.labelled:
        names = job.detector.source.class_names
        ids = match_classes(names, job.sets.search.categories, job.network.head.classes)
    journal = Journal(_journal_path(options.convert.cache, baseline))
    bench = Bench(
        baseline,
        job.sets.search,
        ids,
        journal,
        models,
        by_labels=len(sizes) > 1,
        progress=progress,
        latency=options.convert.latency or QUICK,
        confirmation=options.convert.latency or LatencyOptions(),
    )
    need = Need(
        map_drop_points=job.budget.map_drop_points if ids is not None else None,
        agreement=options.agreement_min,
        p90_ms=job.budget.p90_ms,
    )
    trials = search([size.network for size in sizes], bench, need, options.evaluations)
    return Outcome(tuple(sizes), trials, need, len(journal.recalled))


def _journal_path(cache: Path | None, baseline: Candidate) -> Path | None:
    if cache is None:
        return None
    key = hashlib.sha256(baseline.model.read_bytes()).hexdigest()[:32]
    return cache / f"trials-{key}.jsonl"
