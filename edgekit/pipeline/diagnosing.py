"""Where each row loses against FP32, for the report; and the thresholds an artifact names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.backends.artifact import Threshold as NamedThreshold
from edgekit.measure.diagnosis import diagnose
from edgekit.protocols import silent
from edgekit.report import loss

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.measure.accuracy import Detections
    from edgekit.measure.diagnosis import Diagnosis
    from edgekit.measure.drops import Causes, PartDrop
    from edgekit.measure.fates import Change
    from edgekit.measure.shift import Shift
    from edgekit.measure.thresholds import Kept, Restored
    from edgekit.pipeline.job import Built, Job, Measured
    from edgekit.protocols import Progress
    from edgekit.report.schema import Row
    from edgekit.values import Boxes, Dataset, Interval


@dataclass(frozen=True, eq=False)
class Names:
    """What classes, categories and images are called.

    Attributes:
        classes: By class index; shorter where the model names none.
        categories: By category id; by class index where there are no labels.
        images: File name by image id.
    """

    classes: tuple[str, ...]
    categories: Mapping[int, str]
    images: Mapping[int, str]

    def of_class(self, index: int) -> str:
        """Return the name of a class; its number where it has none."""
        return self.classes[index] if index < len(self.classes) else f"class {index}"

    def of_group(self, part: PartDrop) -> str:
        """Return the name of a size or category."""
        if part.category is None:
            return part.size or ""
        return self.categories.get(part.category) or self.of_class(part.category)


def explain(
    job: Job,
    built: Built,
    measured: Measured,
    progress: Progress = silent,
    only: str | None = None,
) -> Measured:
    """Return ``measured`` with a diagnosis in every row that is not in FP32.

    Args:
        job: What was asked for.
        built: The candidates.
        measured: What they gave, a row for each; without evaluation images nothing is added.
        progress: Told after every row.
        only: Name of the row to explain; ``None`` explains all.
    """
    dataset = job.sets.evaluation
    if dataset is None or not measured.scores:
        return measured
    base = next(e.candidate.name for e in built.entries if e.baseline)
    told = [
        r.name
        for r in measured.rows
        if r.precision != "fp32" and r.name in measured.scores and only in (None, r.name)
    ]
    parts = {}
    for done, name in enumerate(told):
        progress("diagnose", done, len(told))
        both = measured.scores[base].found, measured.scores[name].found
        found = diagnose(*both, dataset, job.category_ids)
        parts[name] = None if found is None else diagnosis_part(found, both, _names(job, dataset))
    progress("diagnose", len(told), len(told))
    rows = (row.model_copy(update={"diagnosis": parts.get(row.name)}) for row in measured.rows)
    return replace(measured, rows=tuple(rows))


def thresholds_of(row: Row) -> tuple[NamedThreshold, ...]:
    """Return the thresholds that the artifact of ``row`` names in its manifest."""
    if row.diagnosis is None:
        return ()
    return tuple(
        NamedThreshold(
            fp32=t.fp32.confidence,
            here=t.advised,
            same_count=t.same_count.confidence,
            ci95=t.same_count_ci95,
            images=row.diagnosis.images,
            same_precision=_confidence(t.same_precision),
            same_recall=_confidence(t.same_recall),
        )
        for t in row.diagnosis.thresholds
    )


def diagnosis_part(
    found: Diagnosis, both: tuple[Detections, Detections], names: Names
) -> loss.Diagnosis:
    """Return a diagnosis as a report holds it.

    Args:
        found: What was measured.
        both: Detections of FP32 and of the row.
        names: What to call classes and images.
    """
    return loss.Diagnosis(
        confidence=found.confidence,
        images=found.images,
        labelled=found.labelled,
        fates=tuple(loss.FateCount(**vars(f)) for f in found.fates),
        examples=tuple(_example(change, both, names) for change in found.examples),
        shift=None if found.shift is None else _shift(found.shift),
        thresholds=tuple(_threshold(t) for t in found.thresholds),
        scale=found.scale,
        agreement_lost=_causes(found.agreement_causes),
        map_lost=None if found.map_causes is None else _causes(found.map_causes),
        classes=tuple(_group(part, names) for part in found.classes),
        sizes=tuple(_group(part, names) for part in found.sizes),
    )


def _names(job: Job, dataset: Dataset) -> Names:
    labelled = {} if job.category_ids is None else {c.id: c.name for c in dataset.categories}
    images = {record.id: record.path.name for record in dataset.records}
    return Names(job.class_names, labelled, images)


def _example(change: Change, both: tuple[Detections, Detections], names: Names) -> loss.Example:
    first, second = (d.boxes[change.image] for d in both)
    return loss.Example(
        fate=change.fate,
        image=names.images[change.image],
        fp32=None if change.base is None else _detection(first, change.base, names),
        here=None if change.other is None else _detection(second, change.other, names),
        iou=change.iou,
    )


def _detection(boxes: Boxes, row: int, names: Names) -> loss.Detection:
    left, top, right, bottom = (round(float(v), 2) for v in boxes.xyxy[row])
    return loss.Detection(
        label=names.of_class(int(boxes.classes[row])),
        confidence=float(boxes.scores[row]),
        box_xyxy=(left, top, right, bottom),
    )


def _shift(shift: Shift) -> loss.Shift:
    median = shift.median
    return loss.Shift(
        pairs=shift.pairs,
        median=median.value,
        median_ci95=(median.low, median.high),
        quantiles=shift.quantiles,
    )


def _threshold(restored: Restored) -> loss.Threshold:
    fp32, unchanged, same_count = map(_kept, (restored.base, restored.unchanged, restored.by_count))
    precision, recall = restored.by_precision, restored.by_recall
    return loss.Threshold(
        fp32=fp32,
        unchanged=unchanged,
        same_count=same_count,
        same_count_ci95=restored.by_count_ci95,
        same_precision=None if precision is None else _kept(precision),
        same_recall=None if recall is None else _kept(recall),
    )


def _confidence(kept: loss.Kept | None) -> float | None:
    return None if kept is None else kept.confidence


def _kept(kept: Kept) -> loss.Kept:
    return loss.Kept(**vars(kept))


def _causes(causes: Causes) -> loss.Causes:
    return loss.Causes(**{name: _lost(points) for name, points in vars(causes).items()})


def _group(part: PartDrop, names: Names) -> loss.Group:
    return loss.Group(
        name=names.of_group(part),
        objects=part.objects,
        images=part.images,
        fp32=part.base,
        here=part.other,
        lost=None if part.drop is None else _lost(part.drop),
    )


def _lost(points: Interval) -> loss.Lost:
    return loss.Lost(points=points.value, ci95=(points.low, points.high))
