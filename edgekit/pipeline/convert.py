"""``edgekit convert``: a trained detector to a measured artifact, its report and its lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgekit.backends.coverage import read_coverage
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.device import detect_host, find_device, is_here
from edgekit.config.recipe import Int8, find_recipe
from edgekit.export.lower_opset import lower_opset
from edgekit.graphs import graph_to_bytes
from edgekit.images.classes import match_classes
from edgekit.measure.latency import measure_latency
from edgekit.measure.preprocess_probe import probe, require_sane
from edgekit.pipeline.assemble import report_of, write_result
from edgekit.pipeline.data import open_image_sets
from edgekit.pipeline.folder import whole_folder
from edgekit.pipeline.int8 import Int8Options, quantize_network, weight_rule
from edgekit.pipeline.job import Built, Job, Measured
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.prepare import network_of, prepare, proof_backend
from edgekit.pipeline.rows import Entry, measured_row, score_entries, simulated_row
from edgekit.protocols import silent
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from edgekit.report.verdict import missed

if TYPE_CHECKING:
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.pipeline.rows import Scores
    from edgekit.protocols import Progress
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.report.schema import Report
    from edgekit.values import Graph

PROBED_IMAGES = 12
CONFIRMING_IMAGES = 64


@dataclass(frozen=True, eq=False)
class Conversion:
    """What a conversion gave.

    Attributes:
        report: As written to the folder.
        missed: What the target's own row misses of a budget that was set, one clause each.
    """

    report: Report
    missed: tuple[str, ...]


def convert(path: Path, options: ConvertOptions, progress: Progress = silent) -> Conversion:
    """Return the report of converting the model at ``path``; the folder is written at the end.

    Raises:
        ConfigError: Bad input; nothing was written.
        StageError: A stage failed; nothing was written.
    """
    with whole_folder(options.out) as folder, TemporaryDirectory(prefix="edgekit-") as models:
        job = open_job(path, options)
        warning = _check_preprocessing(job, progress)
        built = _build(job, Path(models), progress)
        measured = _measure(job, built, progress)
        report = report_of(job, built, measured, (warning,) if warning else ())
        write_result(job, built, measured, report, folder)
    return Conversion(report, missed(report.rows[-1], job.budget) if job.gated else ())


def open_job(path: Path, options: ConvertOptions) -> Job:
    """Return everything that is known before anything is built.

    Raises:
        ConfigError: Bad input.
    """
    recipe = find_recipe(options.target)
    device = find_device(options.device or recipe.device)
    draw = recipe.precision.calibration if isinstance(recipe.precision, Int8) else None
    sets = open_image_sets(options, draw)
    model = replace(options.model, cache=options.model.cache or options.cache)
    detector = prepare(path, model, sets.calibration or sets.evaluation)
    category_ids = None
    if sets.evaluation is not None and sets.evaluation.labelled:
        category_ids = match_classes(
            detector.source.class_names, sets.evaluation.categories, detector.head.spec.classes
        )
    return Job(options, recipe, device, sets, detector, network_of(detector), category_ids)


def _check_preprocessing(job: Job, progress: Progress) -> str | None:
    """Return a warning when other preprocessing scores better; stop where nothing is found."""
    dataset = job.sets.evaluation
    if dataset is None or job.category_ids is None:
        return None
    candidate = candidate_of(job.detector, "as-given")
    probed = probe(candidate, dataset, job.category_ids, limit=PROBED_IMAGES, progress=progress)
    if probed.better:
        # The best of several may have been lucky on so few; the next, larger sample decides.
        probed = probe(candidate, dataset, job.category_ids, limit=CONFIRMING_IMAGES)
    if not job.options.force:
        require_sane(probed, dataset)
    return probed.warning()


def _build(job: Job, models: Path, progress: Progress) -> Built:
    """Return the candidates to measure, the target's own precision last."""
    runtime = OnnxRuntime(threads=job.device.threads or 0)
    given = replace(candidate_of(job.detector, "as-given"), backend=runtime)
    fp32 = replace(
        given,
        name="fp32",
        model=_saved(models / "fp32.onnx", graph_to_bytes(_float_network(job))),
        head=job.network.head,
        input="u8-nhwc",
    )
    entries = (Entry(given, "fp32"), Entry(fp32, "fp32", baseline=True))
    quantized = _quantize(job, progress)
    if quantized is None:
        return Built(entries, None)
    model = _saved(models / "int8.onnx", graph_to_bytes(_in_opset(job, quantized.graph)))
    coverage = read_coverage(
        job.network.graph, quantized.graph, quantized.plan.kept_float, OnnxRuntime()
    )
    int8 = Entry(replace(fp32, name="int8", model=model), "int8", coverage=coverage)
    return Built((*entries, int8), quantized)


def _float_network(job: Job) -> Graph:
    """Return the float network as its file has it.

    Only this one's change of opset is proven by itself: in INT8 the last bit of a written-out
    activation may round to another integer. That file is scored as it is.
    """
    graph, lowered = job.network.graph, _in_opset(job, job.network.graph)
    if lowered is not graph:
        prove_parity(graph, lowered, proof_backend(), probe_inputs(graph))
    return lowered


def _in_opset(job: Job, graph: Graph) -> Graph:
    """Return ``graph`` in the opset that the recipe asks for, if it asks for one."""
    return graph if job.recipe.opset is None else lower_opset(graph, job.recipe.opset)


def _quantize(job: Job, progress: Progress) -> QuantizedGraph | None:
    precision = job.recipe.precision
    if not isinstance(precision, Int8) or job.sets.calibration is None:
        return None
    options = Int8Options(precision, weight_rule(precision, job.device), job.options.cache)
    return quantize_network(job.network, job.sets.calibration, options, progress)


def _measure(job: Job, built: Built, progress: Progress) -> Measured:
    dataset = job.sets.evaluation
    scores: dict[str, Scores] = {}
    if dataset is not None:
        scores = score_entries(built.entries, dataset, job.category_ids, progress)
    if not is_here(job.device):
        reason = f"run on {detect_host().name}, not on {job.device.name}: no time is that device's"
        rows = (simulated_row(e, scores.get(e.candidate.name), reason) for e in built.entries)
        return Measured(tuple(rows), scores, None)
    candidates = [e.candidate for e in built.entries]
    run = measure_latency(candidates, dataset, job.options.latency, progress)
    timed = {result.name: result for result in run.results}
    base = next(timed[e.candidate.name] for e in built.entries if e.baseline)
    return Measured(
        tuple(
            measured_row(e, scores.get(e.candidate.name), timed[e.candidate.name], base)
            for e in built.entries
        ),
        scores,
        run,
    )


def _saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
