"""From the float network to INT8 by NNCF, with the scope that edgekit finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgekit.backends.coverage import NOT_FUSED, read_coverage
from edgekit.backends.openvino import OpenVinoSession, openvino_package
from edgekit.config.recipe import Int8, Repair
from edgekit.errors import DataError
from edgekit.measure.accuracy import agreement, detect_all
from edgekit.measure.sampling import spread
from edgekit.pipeline.feeds import image_feeds
from edgekit.pipeline.int8 import Int8Options, calibrate_network
from edgekit.pipeline.job import Built, ByNncf
from edgekit.pipeline.rows import Entry
from edgekit.quantize.nncf import (
    NncfGoal,
    NncfOptions,
    quantize_by_nncf,
    quantize_by_nncf_within,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edgekit.backends.coverage import Coverage
    from edgekit.config.recipe import AccuracyControl
    from edgekit.measure.candidate import Candidate
    from edgekit.pipeline.job import Job
    from edgekit.protocols import Progress
    from edgekit.quantize.nncf import NncfOutcome, OverflowFix
    from edgekit.values import Dataset

TAKEN_BACK = "taken back to float by accuracy control, or not fused by the runtime"


def nncf_built(job: Job, floats: tuple[Entry, ...], models: Path, progress: Progress) -> Built:
    """Return the job's network in INT8 by NNCF, written to ``models``, after the ``floats``.

    The decode part and the last layers stay in float, and so does what rounding noise would drown,
    which edgekit's own pass over the calibration images tells. With accuracy control more layers
    go back to float, until enough of what FP32 finds is found.

    Args:
        job: Its recipe asks for NNCF, and it has calibration images.
        floats: The float networks, edgekit's last.
        models: A folder.
        progress: Told after every image.

    Raises:
        DataError: Fewer images calibrate than are to judge.
        MissingExtraError: NNCF is not installed.
        StageError: NNCF stopped.
    """
    precision, calibration = job.recipe.precision, job.sets.calibration
    assert isinstance(precision, Int8)
    assert precision.nncf is not None
    assert calibration is not None
    graph, fp32 = job.network.graph, floats[-1].candidate
    control = precision.nncf.accuracy_control
    calibrating, judging = shared_out(calibration, control)
    in_float = _in_float(job, calibrating, progress)
    options = _options(job)
    feeds = image_feeds(graph, calibrating, job.network.preprocess, "nncf", progress)
    notes: tuple[str, ...] = ()
    if control is None:
        made = quantize_by_nncf(graph, in_float, feeds, options)
    else:
        goal = _goal(control, fp32, judging)
        outcome = quantize_by_nncf_within(graph, in_float, feeds, options, goal)
        made, notes = outcome.model, _shortfall(outcome, control)
    path = models / "int8.xml"
    openvino_package().save_model(made, str(path), compress_to_fp16=False)
    coverage = read_coverage(graph, path, in_float, job.place.runtime)
    if control is not None:
        coverage = _with_those_taken_back(coverage)
    entry = Entry(replace(fp32, name="int8", model=path), "int8", coverage=coverage)
    facts = ByNncf(in_float, "full" if options.overflow_fix == "disable" else None)
    return Built((*floats, entry), None, nncf=facts, notes=notes)


def shared_out(images: Dataset, control: AccuracyControl | None) -> tuple[Dataset, Dataset]:
    """Return which of the drawn ``images`` calibrate, and which judge; none of them does both.

    Raises:
        DataError: None would be left to calibrate.
    """
    judges = spread(images.records, control.images) if control else ()
    held = {record.id for record in judges}
    rest = tuple(record for record in images.records if record.id not in held)
    if not rest:
        raise DataError(
            f"accuracy_control takes {len(judges)} of the {len(images.records)} drawn images to "
            "judge: expected some left to calibrate on, found none. Draw more (calibration.count "
            "in the recipe) from a --calib that has them, or let fewer judge."
        )
    return replace(images, records=rest), replace(images, records=judges)


def _with_those_taken_back(coverage: Coverage) -> Coverage:
    """Return ``coverage`` with another reason where NNCF gave none and the runtime saw floats."""
    nodes = tuple(
        replace(node, reason=TAKEN_BACK) if node.reason == NOT_FUSED else node
        for node in coverage.float_nodes
    )
    return replace(coverage, float_nodes=nodes)


def _in_float(job: Job, calibrating: Dataset, progress: Progress) -> dict[str, str]:
    """Return what stays in float, with the reason: the decode, and what noise would drown."""
    precision = job.recipe.precision
    assert isinstance(precision, Int8)
    plain = precision.model_copy(update={"observer": "mse", "repair": Repair(bias=False)})
    how = Int8Options(plain, "full", job.options.cache, job.place.rules)
    found = calibrate_network(job.network, calibrating, how, progress)
    return {**found.kept_float, **found.drowned}


def _options(job: Job) -> NncfOptions:
    precision, provider = job.recipe.precision, job.recipe.provider
    assert isinstance(precision, Int8)
    assert precision.nncf is not None
    assert provider != "cuda"
    asked = precision.nncf
    inexact = provider == "cpu" and not job.device.exact_u8s8
    fix: OverflowFix = "first-layer" if inexact else "disable"
    return NncfOptions(asked.preset, fix, asked.fast_bias_correction, provider)


def _goal(control: AccuracyControl, fp32: Candidate, judging: Dataset) -> NncfGoal:
    return NncfGoal(
        metric=_agreement(fp32, judging),
        max_drop=1 - control.agreement_min,
        max_rounds=control.max_rounds,
    )


def _agreement(fp32: Candidate, judging: Dataset) -> Callable[[Any], float]:
    """Return what says of a compiled network how far it finds what ``fp32`` does, as a fraction."""
    expected = detect_all(fp32, judging)

    def metric(compiled: Any) -> float:
        found = detect_all(replace(fp32, name="int8", backend=_Compiled(compiled)), judging)
        agreed = agreement(expected, found, judging)
        if agreed is None:
            raise DataError(
                f"accuracy_control: FP32 finds nothing in the {len(judging.records)} images that "
                "judge. Give --calib images with objects, like those the device will see."
            )
        return agreed

    return metric


@dataclass(frozen=True)
class _Compiled:
    """A network that NNCF compiled, behind the ``Backend`` protocol."""

    compiled: Any

    @property
    def name(self) -> str:
        return "openvino"

    def open(self, _model: bytes | Path) -> OpenVinoSession:
        return OpenVinoSession(openvino_package(), self.compiled)


def _shortfall(outcome: NncfOutcome, control: AccuracyControl) -> tuple[str, ...]:
    if outcome.met:
        return ()
    note = (
        f"Accuracy control gave up after {control.max_rounds} rounds: expected an agreement of "
        f"{control.agreement_min:g} on the images that judge, reached {outcome.score:.3f}."
    )
    return (note,)
