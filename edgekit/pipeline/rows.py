"""From what was measured to the rows of the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from edgekit.backends.artifact import weights_of
from edgekit.measure.accuracy import agreement, detect_all, matched, score_matched, seen
from edgekit.measure.latency import speedup
from edgekit.measure.statistics import map_drop_interval
from edgekit.protocols import busy
from edgekit.report.quality import AverageRecall, Confusion, Curves, OperatingPoint
from edgekit.report.schema import Coverage as CoveragePart
from edgekit.report.schema import FloatConv, Row
from edgekit.report.speed import LatencyMs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edgekit.backends.coverage import Coverage
    from edgekit.measure.accuracy import Accuracy, Detections
    from edgekit.measure.candidate import Candidate
    from edgekit.measure.curves import Curves as ExactCurves
    from edgekit.measure.latency import LatencyResult
    from edgekit.protocols import Progress
    from edgekit.report.loss import LayerShare
    from edgekit.values import Dataset, Interval, Precision


@dataclass(frozen=True, eq=False)
class Entry:
    """A candidate on its way to a row.

    Attributes:
        precision: Of its convolutions.
        baseline: Whether the others are compared with it.
        coverage: What runs in INT8; ``None`` for a float model.
        stand_in: What is scored where the candidate cannot run as on its device.
        absence: Why nothing of it can run here; ``None`` where it can.
        layers: Where rounding is expected to cost most, of an INT8 network.
    """

    candidate: Candidate
    precision: Precision
    baseline: bool = False
    coverage: Coverage | None = None
    stand_in: Candidate | None = None
    absence: str | None = None
    layers: tuple[LayerShare, ...] = ()


@dataclass(frozen=True, eq=False)
class Scores:
    """What one candidate finds, and how good that is.

    Attributes:
        found: Its detections, down to a confidence that scoring needs.
        accuracy: Against labels; ``None`` without them.
        drop: Points of mAP lost against the baseline; ``None`` without labels, or for itself.
        agreement: With the baseline's own detections; ``None`` where it is sure of nothing, and
            for another input size than its own.
    """

    found: Detections
    accuracy: Accuracy | None
    drop: Interval | None
    agreement: float | None


def score_entries(
    entries: Sequence[Entry],
    dataset: Dataset,
    category_ids: tuple[int, ...] | None,
    progress: Progress,
) -> dict[str, Scores]:
    """Return the scores of every entry by name.

    Args:
        entries: One of them the baseline.
        dataset: Images no entry was calibrated on.
        category_ids: Category id per class; ``None`` where there are no labels.
        progress: Told after every image.
    """
    found = {
        e.candidate.name: detect_all(e.stand_in or e.candidate, dataset, progress) for e in entries
    }
    baseline = next(e.candidate for e in entries if e.baseline)
    base, size_hw = baseline.name, baseline.preprocess.size_hw
    alike = {e.candidate.name for e in entries if e.candidate.preprocess.size_hw == size_hw}
    with busy(progress, "score"):
        labelled = {} if category_ids is None else _labelled(found, dataset, category_ids, base)
    return {
        name: Scores(
            found=detections,
            accuracy=labelled[name].accuracy if labelled else None,
            drop=labelled[name].drop if labelled else None,
            agreement=agreement(found[base], detections, dataset)
            if name in alike - {base}
            else None,
        )
        for name, detections in found.items()
    }


@dataclass(frozen=True, eq=False)
class _Labelled:
    accuracy: Accuracy
    drop: Interval | None


def _labelled(
    found: Mapping[str, Detections], dataset: Dataset, category_ids: Sequence[int], base: str
) -> dict[str, _Labelled]:
    """Return what labels say of every model, on the images that all of them could read."""
    ids = seen(dataset, *found.values())
    known = {name: matched(d, dataset, category_ids, ids) for name, d in found.items()}
    reference = known[base].matches
    return {
        name: _Labelled(
            accuracy=score_matched(of),
            drop=None if name == base else map_drop_interval(reference, of.matches),
        )
        for name, of in known.items()
    }


def measured_row(
    entry: Entry, scores: Scores | None, timed: LatencyResult, base: LatencyResult
) -> Row:
    """Return the row of an entry that ran on the device it is for.

    Args:
        entry: The candidate.
        scores: ``None`` when there were no evaluation images.
        timed: Its latency.
        base: The baseline's latency, from the same run.
    """
    ratio = None if entry.baseline else speedup(base, timed)
    return Row.model_validate(
        {
            **_known(entry, scores),
            "status": "measured",
            "latency_ms": _latency(timed),
            "fps": timed.fps,
            "speedup": ratio and ratio.value,
            "speedup_ci95": ratio and (ratio.low, ratio.high),
            "peak_memory_bytes": timed.peak_memory_bytes,
            "throughput": [vars(rate) for rate in timed.throughput],
            "energy": timed.energy and vars(timed.energy),
            "disturbed": timed.disturbed,
        }
    )


def simulated_row(entry: Entry, scores: Scores | None, reason: str) -> Row:
    """Return the row of an entry whose arithmetic ran on another device: it has no times.

    Without ``scores`` nothing of it ran at all.
    """
    status = "simulated" if scores is not None else "not-run"
    return Row.model_validate({**_known(entry, scores), "status": status, "reason": reason})


def _known(entry: Entry, scores: Scores | None) -> dict[str, object]:
    """Return the fields that do not depend on where the entry ran."""
    candidate = entry.candidate
    return {
        "name": candidate.name,
        "backend": candidate.backend.name,
        "precision": entry.precision,
        "input_hw": candidate.preprocess.size_hw,
        "baseline": entry.baseline,
        "size_bytes": _size_bytes(candidate.model),
        "coverage": _coverage(entry.coverage),
        "layers": entry.layers,
        **_accuracy_fields(scores),
    }


def _size_bytes(model: Path) -> int:
    weights = weights_of(model)
    return model.stat().st_size + (weights.stat().st_size if weights else 0)


def _latency(timed: LatencyResult) -> LatencyMs:
    return LatencyMs(
        **vars(timed.latency),
        **vars(timed.spread),
        threads=timed.threads,
        warmup_runs=timed.warmup_runs,
        load_ms=timed.load_ms,
        cold_start_ms=timed.cold_start_ms,
        settings=timed.settings,
    )


def _accuracy_fields(scores: Scores | None) -> dict[str, object]:
    if scores is None:
        return {}
    fields: dict[str, object] = {"agreement": scores.agreement, "images": len(scores.found.boxes)}
    if scores.drop is not None:
        fields["map_drop_points"] = scores.drop.value
        fields["map_drop_ci95"] = (scores.drop.low, scores.drop.high)
    accuracy = scores.accuracy
    if accuracy is not None:
        names = ("map", "map50", "map75", "map_small", "map_medium", "map_large")
        fields |= {name: getattr(accuracy, name) for name in names}
        if accuracy.detection is not None:
            fields["detection"] = OperatingPoint(**vars(accuracy.detection))
        fields["ap_per_class"] = dict(accuracy.per_class)
        fields["recall"] = AverageRecall(**vars(accuracy.recall))
        fields["curves"] = _curves(accuracy.curves)
        fields["confusion"] = Confusion.model_validate(asdict(accuracy.confusion))
    return fields


def _curves(exact: ExactCurves) -> Curves:
    """Return curves with five digits: 400 figures a row are there to be drawn."""
    rounded = {
        name: tuple(None if value is None else round(value, 5) for value in figures)
        for name, figures in vars(exact).items()
    }
    return Curves.model_validate(rounded)


def _coverage(coverage: Coverage | None) -> CoveragePart | None:
    if coverage is None:
        return None
    return CoveragePart(
        convs_int8=coverage.int8,
        convs_float=len(coverage.float_nodes),
        mac_share_int8=coverage.mac_share_int8,
        left_float=tuple(
            FloatConv(node=n.name, mac_share=n.mac_share, reason=n.reason)
            for n in coverage.float_nodes
        ),
        operators=dict(coverage.operators),
    )
