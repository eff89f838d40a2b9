"""``edgekit convert``: a trained detector to a measured artifact, its report and its lock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit import __version__
from edgekit.backends.artifact import Manifest, write_artifact
from edgekit.backends.coverage import read_coverage
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.images.classes import match_classes
from edgekit.macs import macs_per_node, parameters
from edgekit.measure.accuracy import detect_all, score
from edgekit.measure.candidate import Candidate
from edgekit.measure.latency import measure_latency
from edgekit.measure.machine import describe_machine
from edgekit.measure.preprocess_probe import near_zero, probe, require_sane
from edgekit.pipeline.data import data_use, locked, open_image_sets
from edgekit.pipeline.folder import whole_folder
from edgekit.pipeline.gallery import gallery_of
from edgekit.pipeline.int8 import quantize_network
from edgekit.pipeline.lock import Lock, Span
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.pipeline.preprocess import described
from edgekit.pipeline.rows import Entry, row_of, score_entries
from edgekit.protocols import silent
from edgekit.report.schema import Calibration, ModelFacts, Provenance, Report
from edgekit.report.verdict import Budget, decide, missed
from edgekit.report.write import write_report

if TYPE_CHECKING:
    from edgekit.config.device import Device
    from edgekit.config.recipe import Recipe
    from edgekit.measure.latency import LatencyRun
    from edgekit.pipeline.data import ImageSets
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.pipeline.prepare import Detector, Network
    from edgekit.pipeline.rows import Scores
    from edgekit.protocols import Progress
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.report.schema import Row

MODEL_FILE = "model.onnx"
PROBED_IMAGES = 16


@dataclass(frozen=True, eq=False)
class Conversion:
    """What a conversion gave.

    Attributes:
        report: As written to the folder.
        missed: What the shipped precision misses of the budget, one clause each.
    """

    report: Report
    missed: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Job:
    """What is known before anything is built."""

    options: ConvertOptions
    recipe: Recipe
    device: Device
    sets: ImageSets
    detector: Detector
    network: Network
    category_ids: tuple[int, ...] | None


def convert(path: Path, options: ConvertOptions, progress: Progress = silent) -> Conversion:
    """Return the report of converting the model at ``path``; the folder is written at the end.

    Raises:
        ConfigError: Bad input; nothing was written.
        StageError: A stage failed; nothing was written.
    """
    job = _open(path, options)
    warnings = list(job.detector.warnings) + list(job.sets.warnings)
    with whole_folder(options.out) as folder:
        models = folder / "models"
        models.mkdir()
        warnings += _check_fp32(job, models, progress)
        quantized = _quantize(job, progress)
        entries = _entries(job, quantized, models)
        scores = _scores(job, entries, progress)
        timed = measure_latency(
            [e.candidate for e in entries], job.sets.evaluation, progress=progress
        )
        report = _report(job, quantized, _rows(entries, scores, timed), warnings, timed)
        _write(job, quantized, report, entries, scores, folder)
        for file in models.iterdir():
            file.unlink()
        models.rmdir()
    target = report.rows[-1]
    return Conversion(report, missed(target, _budget(job)))


def _open(path: Path, options: ConvertOptions) -> _Job:
    recipe = find_recipe(options.target)
    device = find_device(options.device or recipe.device)
    draw = recipe.precision.calibration if isinstance(recipe.precision, Int8) else None
    sets = open_image_sets(options, draw)
    detector = prepare(path, options.model)
    network = network_of(detector)
    category_ids = None
    if sets.evaluation is not None and sets.evaluation.labelled:
        category_ids = match_classes(
            detector.source.class_names, sets.evaluation.categories, network.head.classes
        )
    return _Job(options, recipe, device, sets, detector, network, category_ids)


def _as_given(job: _Job) -> Candidate:
    convention = job.detector.convention
    return Candidate(
        name="as-given",
        backend=OnnxRuntime(),
        model=job.detector.source.path,
        head=job.detector.head.spec,
        nms=convention.nms,
        preprocess=convention.preprocess,
        input="float-nchw",
    )


def _check_fp32(job: _Job, models: Path, progress: Progress) -> list[str]:
    """Return warnings about the preprocessing; stop at a model that finds next to nothing."""
    dataset = job.sets.evaluation
    if dataset is None or job.category_ids is None:
        return []
    path = models / "plain.onnx"
    path.write_bytes(graph_to_bytes(job.detector.plain))
    candidate = replace(_as_given(job), model=path)
    few = replace(dataset, records=dataset.records[:PROBED_IMAGES])
    probed = probe(candidate, dataset, job.category_ids, limit=PROBED_IMAGES, progress=progress)
    accuracy = score(detect_all(candidate, few), few, job.category_ids)
    if near_zero(accuracy) and not job.options.force:
        require_sane(accuracy, dataset, probed)
    warning = probed.warning()
    return [warning] if warning else []


def _quantize(job: _Job, progress: Progress) -> QuantizedGraph | None:
    precision = job.recipe.precision
    if not isinstance(precision, Int8) or job.sets.calibration is None:
        return None
    return quantize_network(
        job.network,
        job.detector.convention.preprocess,
        job.sets.calibration,
        precision,
        job.device,
        cache=job.options.cache,
        progress=progress,
    )


def _entries(job: _Job, quantized: QuantizedGraph | None, models: Path) -> list[Entry]:
    """Return what is measured, the target's own precision last."""
    given = _as_given(job)
    fp32 = replace(
        given,
        name="fp32",
        model=_saved(models / "fp32.onnx", graph_to_bytes(job.network.graph)),
        head=job.network.head,
        input="u8-nhwc",
    )
    entries = [Entry(given, "fp32"), Entry(fp32, "fp32", baseline=True)]
    if quantized is not None:
        model = _saved(models / "int8.onnx", graph_to_bytes(quantized.graph))
        coverage = read_coverage(
            job.network.graph, quantized.graph, quantized.plan.kept_float, OnnxRuntime()
        )
        entries.append(Entry(replace(fp32, name="int8", model=model), "int8", coverage=coverage))
    return entries


def _saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _scores(job: _Job, entries: list[Entry], progress: Progress) -> dict[str, Scores]:
    if job.sets.evaluation is None:
        return {}
    return score_entries(entries, job.sets.evaluation, job.category_ids, progress)


def _rows(entries: list[Entry], scores: dict[str, Scores], timed: LatencyRun) -> tuple[Row, ...]:
    by_name = {result.name: result for result in timed.results}
    base = next(by_name[e.candidate.name] for e in entries if e.baseline)
    return tuple(
        row_of(
            e,
            scores.get(e.candidate.name),
            by_name[e.candidate.name],
            None if e.baseline else base,
        )
        for e in entries
    )


def _budget(job: _Job) -> Budget:
    asked = job.options.map_drop_points_max
    allowed = job.recipe.gates.map_drop_points_max if asked is None else asked
    budget = Budget(p90_ms=job.recipe.gates.p90_ms_max)
    return budget if allowed is None else replace(budget, map_drop_points=allowed)


def _report(
    job: _Job,
    quantized: QuantizedGraph | None,
    rows: tuple[Row, ...],
    warnings: list[str],
    timed: LatencyRun,
) -> Report:
    machine = describe_machine()
    if timed.throttled:
        warnings = [*warnings, "The processor throttled during the timing: times are not valid."]
    source = job.detector.source
    return Report(
        target=job.options.target,
        device=job.device.name,
        model=ModelFacts(
            path=str(source.path),
            sha256=source.sha256,
            family=job.detector.convention.family,
            classes=job.network.head.classes,
            params=parameters(job.detector.plain),
            macs=sum(macs_per_node(job.detector.plain).values()),
        ),
        rows=rows,
        verdict=decide(rows, _budget(job)),
        provenance=Provenance(
            command=job.options.command,
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=machine.versions,
            machine={
                "cpu": machine.cpu,
                "isa": " ".join(machine.isa),
                "cores": machine.cores,
                "memory_bytes": machine.memory_bytes,
                "os": machine.os,
                "python": machine.python,
                **{f"{k}_before": v for k, v in vars(timed.before).items()},
                **{f"{k}_after": v for k, v in vars(timed.after).items()},
            },
        ),
        data=tuple(
            data_use(role, dataset)
            for role, dataset in (
                ("calibration", job.sets.calibration),
                ("evaluation", job.sets.evaluation),
            )
            if dataset is not None
        ),
        calibration=_calibration(job, quantized),
        warnings=tuple(warnings),
    )


def _calibration(job: _Job, quantized: QuantizedGraph | None) -> Calibration | None:
    if quantized is None or not isinstance(job.recipe.precision, Int8):
        return None
    return Calibration(observer=job.recipe.precision.observer, tensors=len(quantized.ranges))


def _write(
    job: _Job,
    quantized: QuantizedGraph | None,
    report: Report,
    entries: list[Entry],
    scores: dict[str, Scores],
    folder: Path,
) -> None:
    model = entries[-1].candidate.model.read_bytes()
    artifact = folder / "artifact"
    artifact.mkdir()
    write_artifact(artifact, model, _manifest(job, quantized, model, entries[-1]))
    lock = _lock(job, quantized, report, model).model_dump_json(indent=2, by_alias=True)
    (folder / "edgekit.lock").write_text(lock + "\n", encoding="utf-8")
    gallery = gallery_of(job.sets.evaluation, scores, job.detector.source.class_names)
    write_report(report, gallery, folder)


def _manifest(job: _Job, quantized: QuantizedGraph | None, model: bytes, entry: Entry) -> Manifest:
    return Manifest(
        edgekit=__version__,
        file=MODEL_FILE,
        sha256=hashlib.sha256(model).hexdigest(),
        backend="onnxruntime",
        precision=entry.precision,
        weight_bits=quantized.weight_bits if quantized else None,
        input="u8-nhwc",
        preprocess=job.detector.convention.preprocess,
        head=job.network.head,
        nms=job.detector.convention.nms,
        class_names=job.detector.source.class_names,
        source_sha256=job.detector.source.sha256,
    )


def _lock(job: _Job, quantized: QuantizedGraph | None, report: Report, model: bytes) -> Lock:
    ranges = quantized.ranges if quantized else {}
    return Lock(
        command=job.options.command,
        model_sha256=job.detector.source.sha256,
        recipe=job.recipe.model_dump(mode="json"),
        device=job.device.model_dump(mode="json"),
        preprocess=described(job.detector.convention.preprocess),
        passes=job.detector.notes,
        graph_sha256=job.network.graph.sha256,
        artifact_sha256=hashlib.sha256(model).hexdigest(),
        calibration=locked(job.sets.calibration),
        evaluation=locked(job.sets.evaluation),
        weight_bits=quantized.weight_bits if quantized else None,
        ranges={name: Span(low=r.low, high=r.high) for name, r in ranges.items()},
        kept_float=dict(quantized.plan.kept_float) if quantized else {},
        versions=report.provenance.versions,
    )
