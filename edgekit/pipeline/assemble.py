"""From what was built and measured to the files of the result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edgekit import __version__
from edgekit.backends.artifact import Manifest, weights_of, write_artifact
from edgekit.images.overlap import file_sha256
from edgekit.macs import macs_per_node, parameters
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.audited import calibration_part, read_images
from edgekit.pipeline.conditions import conditions_of, timing_warnings
from edgekit.pipeline.data import data_use, locked
from edgekit.pipeline.diagnosing import thresholds_of
from edgekit.pipeline.exports import exporter_versions
from edgekit.pipeline.gallery import gallery_of
from edgekit.pipeline.lock import Lock, Span
from edgekit.pipeline.preprocess import described
from edgekit.pipeline.rewriting import folds_of, rewrites_of
from edgekit.report.schema import Calibration, DataUse, ModelFacts, Provenance, Report
from edgekit.report.searched import verdict_of
from edgekit.report.verdict import decide
from edgekit.report.write import write_report

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.measure.latency import LatencyRun
    from edgekit.pipeline.audited import ReadImages
    from edgekit.pipeline.job import Built, Job, Measured
    from edgekit.report.schema import Search, Verdict

MODEL_FILE = "model"


def report_of(
    job: Job,
    built: Built,
    measured: Measured,
    found: tuple[str, ...],
    search: Search | None = None,
) -> Report:
    """Return the report of one conversion.

    Args:
        job: What was asked for.
        built: What was made.
        measured: What that gave.
        found: Warnings that came up on the way, one sentence each.
        search: What was tried, where precisions were searched for: it has decided then.
    """
    read = read_images(job.sets)
    return Report(
        target=job.options.target,
        device=job.device.name,
        model=_model_facts(job),
        rows=measured.rows,
        verdict=_verdict(job, measured, search),
        provenance=_provenance(job, measured.run),
        data=_data(job, read),
        calibration=_calibration(job, built, read),
        rewrites=rewrites_of(job.detector),
        search=search,
        warnings=(
            *job.detector.warnings,
            *job.sets.warnings,
            *found,
            *timing_warnings(measured.run),
        ),
    )


def _verdict(job: Job, measured: Measured, search: Search | None) -> Verdict:
    if search is not None:
        return verdict_of(search, measured.rows, measured.speedups)
    return measured.verdict or decide(measured.rows, job.budget, measured.speedups)


def write_result(job: Job, built: Built, measured: Measured, report: Report, folder: Path) -> None:
    """Write the artifact, the lock and the report's pages into ``folder``."""
    model = built.entries[-1].candidate.model
    artifact = folder / "artifact"
    artifact.mkdir()
    write_artifact(artifact, model, _manifest(job, built, report, model))
    lock = _lock(job, built, report, model).model_dump_json(indent=2, by_alias=True)
    (folder / "edgekit.lock").write_text(lock + "\n", encoding="utf-8")
    shown = built.entries[-1].candidate.name
    gallery = gallery_of(job.sets.evaluation, measured.scores, job.class_names, shown)
    write_report(report, gallery, folder)


def _model_facts(job: Job) -> ModelFacts:
    source = job.detector.source
    return ModelFacts(
        path=str(source.path),
        sha256=source.sha256,
        family=job.detector.family,
        classes=job.network.head.classes,
        params=parameters(job.detector.plain),
        macs=sum(macs_per_node(job.detector.plain).values()),
    )


def _provenance(job: Job, run: LatencyRun | None) -> Provenance:
    machine = describe_machine()
    return Provenance(
        command=job.options.command,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={**machine.versions, **exporter_versions(job.detector.source)},
        model_files=job.detector.source.files,
        machine={
            "cpu": machine.cpu,
            "isa": " ".join(machine.isa),
            "cores": machine.cores,
            "memory_bytes": machine.memory_bytes,
            "os": machine.os,
            "python": machine.python,
            **(conditions_of(run) if run is not None else {}),
        },
    )


def _data(job: Job, read: ReadImages) -> tuple[DataUse, ...]:
    used: list[DataUse] = []
    if job.sets.calibration is not None:
        used.append(data_use("calibration", job.sets.calibration, read.calibrating))
    if job.sets.search is not None:
        used.append(data_use("search", job.sets.search, read.searching))
    if job.sets.evaluation is not None:
        used.append(data_use("evaluation", job.sets.evaluation, read.scoring))
    return tuple(used)


def _calibration(job: Job, built: Built, read: ReadImages) -> Calibration | None:
    precision = job.recipe.precision
    if built.quantized is None or precision.kind != "int8":
        return None
    size_hw = job.network.preprocess.size_hw
    return calibration_part(precision.observer, built.quantized, read, size_hw)


def _manifest(job: Job, built: Built, report: Report, model: Path) -> Manifest:
    weights = weights_of(model)
    beside = (MODEL_FILE + weights.suffix, file_sha256(weights)) if weights else (None, None)
    return Manifest(
        edgekit=__version__,
        file=MODEL_FILE + model.suffix,
        sha256=file_sha256(model),
        weights_file=beside[0],
        weights_sha256=beside[1],
        backend=job.recipe.backend,
        provider=job.recipe.provider,
        precision=built.entries[-1].precision,
        weight_rule=built.weight_rule,
        input="u8-nhwc",
        preprocess=job.network.preprocess,
        head=job.network.head,
        nms=job.detector.convention.nms,
        thresholds=thresholds_of(report.row(built.entries[-1].candidate.name)),
        class_names=job.class_names,
        source_sha256=job.detector.source.sha256,
    )


def _lock(job: Job, built: Built, report: Report, model: Path) -> Lock:
    quantized = built.quantized
    ranges = quantized.ranges if quantized else {}
    return Lock(
        command=job.options.command,
        model_sha256=job.detector.source.sha256,
        model_files=job.detector.source.files,
        recipe=job.recipe.model_dump(mode="json"),
        device=job.device.model_dump(mode="json"),
        preprocess=described(job.network.preprocess),
        passes=job.detector.notes,
        rewrites=report.rewrites,
        folds=folds_of(job.detector),
        graph_sha256=job.network.graph.sha256,
        artifact_sha256=file_sha256(model),
        weights_sha256=file_sha256(weights) if (weights := weights_of(model)) else None,
        calibration=locked(job.sets.calibration),
        search=locked(job.sets.search),
        evaluation=locked(job.sets.evaluation),
        weight_rule=built.weight_rule,
        ranges={name: Span(low=r.low, high=r.high) for name, r in ranges.items()},
        kept_float=dict(built.kept_float),
        versions=report.provenance.versions,
    )
