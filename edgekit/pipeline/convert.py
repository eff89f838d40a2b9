"""``edgekit convert``: a trained detector to a measured artifact, its report and its lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgekit.backends.coverage import read_coverage
from edgekit.backends.openvino import OpenVino, write_ir
from edgekit.backends.openvino_npu import npu_refusals
from edgekit.config.recipe import Fp16, Int8, find_recipe
from edgekit.errors import StageError
from edgekit.export.check import valid_onnx
from edgekit.export.lower_opset import lower_opset
from edgekit.graphs import graph_to_bytes
from edgekit.images.classes import match_classes
from edgekit.measure.latency import for_a_report, measure_latency
from edgekit.measure.preprocess_probe import probe, require_sane
from edgekit.pipeline.assemble import report_of, write_result
from edgekit.pipeline.beside import build_beside, jobs_beside, to_ship, together
from edgekit.pipeline.data import open_image_sets
from edgekit.pipeline.diagnosing import explain
from edgekit.pipeline.expected import expected_rows
from edgekit.pipeline.folder import whole_folder
from edgekit.pipeline.fp16 import HalfOptions, halve_network
from edgekit.pipeline.int8 import int8_options, quantize_network
from edgekit.pipeline.job import Built, Job, Measured
from edgekit.pipeline.layer_shares import layer_shares
from edgekit.pipeline.nncf import nncf_built
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.place import ARITHMETIC, find_place, halves_of
from edgekit.pipeline.prepare import network_of, prepare, proof_backend
from edgekit.pipeline.rows import Entry, measured_row, score_entries, simulated_row
from edgekit.protocols import busy, silent
from edgekit.reparam.parity import prove_parity
from edgekit.reparam.probes import probe_inputs
from edgekit.report.verdict import missed

if TYPE_CHECKING:
    from edgekit.config.recipe import CalibrationDraw, Recipe
    from edgekit.measure.candidate import Candidate
    from edgekit.pipeline.options import ConvertOptions
    from edgekit.pipeline.rows import Scores
    from edgekit.protocols import Progress
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.report.schema import Report, Row
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
        job = open_job(path, options, progress)
        warning = check_preprocessing(job, progress)
        beside, built = build_beside(
            jobs_beside(job), lambda each: _build(each, _below(Path(models), each), progress)
        )
        every = together(beside.jobs, built)
        measured = measure_built(job, every, progress)
        job, made, measured = to_ship(beside.jobs, built, every, measured)
        measured = explain(job, made, measured, progress)
        found = (*beside.warnings, *made.notes, *([warning] if warning else []))
        with busy(progress, "report"):
            report = report_of(job, made, measured, found)
            write_result(job, made, measured, report, folder)
    target = report.row(made.entries[-1].candidate.name)
    return Conversion(report, missed(target, job.budget) if job.gated else ())


def _below(models: Path, job: Job) -> Path:
    """Return the folder for the models of ``job``'s runtime, made."""
    folder = models / job.recipe.backend
    folder.mkdir()
    return folder


def open_job(path: Path, options: ConvertOptions, progress: Progress = silent) -> Job:
    """Return everything that is known before anything is built.

    Raises:
        ConfigError: Bad input.
    """
    recipe = find_recipe(options.target)
    place = find_place(recipe, options.target, options.device)
    sets = open_image_sets(options, _draw(recipe, options))
    model = replace(options.model, cache=options.model.cache or options.cache)
    with busy(progress, "load and prove"):
        detector = prepare(path, model, sets.calibration or sets.evaluation)
        network = network_of(detector)
    category_ids = None
    if sets.evaluation is not None and sets.evaluation.labelled:
        category_ids = match_classes(
            detector.source.class_names, sets.evaluation.categories, detector.head.spec.classes
        )
    return Job(options, recipe, place, sets, detector, network, category_ids)


def _draw(recipe: Recipe, options: ConvertOptions) -> CalibrationDraw | None:
    """Return which images calibrate, if any do: in 16 bits they are a help, not a need."""
    precision = recipe.precision
    if isinstance(precision, Int8) or (isinstance(precision, Fp16) and options.calib is not None):
        return precision.calibration
    return None


def check_preprocessing(job: Job, progress: Progress) -> str | None:
    """Return a warning when other preprocessing scores better; stop where nothing is found."""
    dataset = job.sets.evaluation
    if dataset is None or job.category_ids is None:
        return None
    candidate = candidate_of(job.detector, "as-given")
    probed = probe(candidate, dataset, job.category_ids, limit=PROBED_IMAGES, progress=progress)
    if probed.better:
        # The best of several may have been lucky on so few; the next, larger sample decides.
        probed = probe(
            candidate, dataset, job.category_ids, limit=CONFIRMING_IMAGES, progress=progress
        )
    if not job.options.force:
        require_sane(probed, dataset)
    return probed.warning()


def _build(job: Job, models: Path, progress: Progress) -> Built:
    """Return the candidates to measure, the target's own precision last.

    Raises:
        StageError: An NPU refuses the network, or a stage failed.
    """
    if job.recipe.provider == "npu":
        _require_npu(job.network.graph)
    with busy(progress, "write float"):
        entries = float_entries(job, models)
    if isinstance(job.recipe.precision, Fp16):
        if isinstance(job.place.runtime, OpenVino):
            return Built((*entries, _openvino_half(job, entries[-1].candidate, models)), None)
        return _build_half(job, entries, models, progress)
    if _by_nncf(job):
        return nncf_built(job, entries, models, progress)
    quantized = _quantize(job, progress)
    if quantized is None:
        return Built(entries, None)
    with busy(progress, "write int8"):
        return Built((*entries, int8_entry(job, quantized, "int8", models)), quantized)


def float_entries(job: Job, models: Path, name: str = "fp32") -> tuple[Entry, ...]:
    """Return the model as given, and the float network written to ``models`` under ``name``."""
    fp32 = replace(
        _as_given(job),
        name=name,
        model=_saved(job, models / name, _float_network(job)),
        head=job.network.head,
        input="u8-nhwc",
    )
    return Entry(_as_given(job), "fp32"), Entry(fp32, "fp32", baseline=True)


def int8_entry(job: Job, quantized: QuantizedGraph, name: str, models: Path) -> Entry:
    """Return the job's network as ``quantized``, written to ``models``, under ``name``."""
    model = _saved(job, models / name, _in_opset(job, quantized.graph))
    kept_float = quantized.plan.kept_float
    coverage = read_coverage(job.network.graph, quantized.graph, kept_float, job.place.runtime)
    given = replace(_as_given(job), name=name, model=model)
    candidate = replace(given, head=job.network.head, input="u8-nhwc")
    shares = layer_shares(job.network.graph, quantized.costs)
    return Entry(candidate, "int8", coverage=coverage, layers=shares)


def _as_given(job: Job) -> Candidate:
    """Return the user's own file, on the runtime of the job."""
    return replace(candidate_of(job.detector, "as-given"), backend=job.place.runtime)


def _build_half(job: Job, entries: tuple[Entry, ...], models: Path, progress: Progress) -> Built:
    """Return ``entries`` and the same in 16 bits, which only rounding stands in for elsewhere."""
    precision = job.recipe.precision
    assert isinstance(precision, Fp16)
    options = HalfOptions(precision, job.sets.calibration, job.options.cache)
    half = halve_network(job.network, options, progress)
    model = _saved(job, models / "fp16", _in_opset(job, half.graph))
    fp16 = replace(entries[-1].candidate, name="fp16", model=model)
    stand_in = None
    if job.place.absence is not None:
        rounding = _saved(job, models / "fp16-rounded", half.simulation)
        stand_in = replace(fp16, model=rounding)
    return Built((*entries, Entry(fp16, "fp16", stand_in=stand_in)), None, half)


def _by_nncf(job: Job) -> bool:
    precision = job.recipe.precision
    asked = isinstance(precision, Int8) and precision.nncf is not None
    return asked and job.sets.calibration is not None


def _require_npu(graph: Graph) -> None:
    """Make sure an NPU takes ``graph``: its compiler says less, and where there is none, nothing.

    Raises:
        StageError: It refuses something.
    """
    refused = npu_refusals(graph)
    if refused:
        raise StageError("An NPU does not run this network. " + " ".join(refused))


def _openvino_half(job: Job, fp32: Candidate, models: Path) -> Entry:
    """Return the float network with weights in 16 bits, which the runtime computes in as well."""
    assert isinstance(job.place.runtime, OpenVino)
    precision, absence = halves_of(job.place)
    model = _saved(job, models / precision, _float_network(job), halved=True)
    backend = replace(job.place.runtime, arithmetic=ARITHMETIC[precision])
    candidate = replace(fp32, name=precision, model=model, backend=backend)
    return Entry(candidate, precision, absence=absence)


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
    options = int8_options(precision, job.place, job.options.cache)
    return quantize_network(job.network, job.sets.calibration, options, progress)


def measure_built(job: Job, built: Built, progress: Progress = silent) -> Measured:
    """Return what the candidates of ``built`` give: their scores, and their times in turn."""
    dataset = job.sets.evaluation
    run = [entry for entry in built.entries if entry.absence is None]
    scores: dict[str, Scores] = {}
    if dataset is not None:
        scores = score_entries(run, dataset, job.category_ids, progress)
    if job.place.absence is not None:
        why = job.place.absence
        rows = [simulated_row(e, scores.get(e.candidate.name), why) for e in built.entries]
        return Measured((*rows, *expected_rows(job, rows)), scores, None)
    options = job.options.latency or for_a_report()
    timing = measure_latency([e.candidate for e in run], dataset, options, progress)
    timed = {result.name: result for result in timing.results}
    bases = {e.candidate.backend.name: timed[e.candidate.name] for e in run if e.baseline}

    def row(entry: Entry) -> Row:
        name = entry.candidate.name
        if entry.absence is not None:
            return simulated_row(entry, None, entry.absence)
        return measured_row(
            entry, scores.get(name), timed[name], bases[entry.candidate.backend.name]
        )

    return Measured(tuple(row(entry) for entry in built.entries), scores, timing)


def _saved(job: Job, stem: Path, graph: Graph, *, halved: bool = False) -> Path:
    """Return the file that ``graph`` is written to, in the format of the job's runtime."""
    path = stem.with_name(f"{stem.name}.onnx")
    data = valid_onnx(graph_to_bytes(graph), path.name)
    if not isinstance(job.place.runtime, OpenVino):
        path.write_bytes(data)
        return path
    write_ir(data, path.with_suffix(".xml"), halved=halved)
    return path.with_suffix(".xml")
