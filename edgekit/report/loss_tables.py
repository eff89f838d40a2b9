"""Where a row loses against FP32, as sentences and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.report.cells import DASH, points, share, signed_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.report.loss import Diagnosis, Example, Fate, Group, Kept, Lost, Threshold

SHOWN_CLASSES = 5
MEANING: dict[Fate, str] = {
    "kept": "kept: same class, IoU 0.5 or more",
    "other-class": "of another class",
    "faded": "faded: below the confidence",
    "moved": "moved: IoU 0.1 to 0.5",
    "missed": "missed",
    "risen": "risen: FP32 has it below the confidence",
    "new": "new: FP32 has nothing there",
}


@dataclass(frozen=True)
class Table:
    """A table whose first column names what the others count."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def loss_sentences(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return what became of FP32's detections, and how the confidence scale lies."""
    return tuple(_sentences(diagnosis))


def loss_tables(diagnosis: Diagnosis) -> tuple[Table, ...]:
    """Return causes, fates, thresholds, and the sizes and classes that have enough objects."""
    tables = (_causes(diagnosis), _fates(diagnosis), _thresholds(diagnosis), _groups(diagnosis))
    return tuple(table for table in tables if table.rows)


def loss_examples(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return the examples, one line each."""
    return tuple(_example(e) for e in diagnosis.examples)


def _sentences(diagnosis: Diagnosis) -> Iterator[str]:
    count = {f.fate: f.count for f in diagnosis.fates}
    of_fp32 = sum(count.values()) - count["risen"] - count["new"]
    yield (
        f"FP32 makes {of_fp32} detections from confidence {diagnosis.confidence:g} on "
        f"{diagnosis.images} images: {count['kept']} of them ({share(count['kept'] / of_fp32)}) "
        "are kept."
    )
    if diagnosis.shift is not None:
        shift = diagnosis.shift
        low, high = shift.median_ci95
        yield (
            f"Confidences of the {shift.pairs} detections that both have differ from FP32's by "
            f"{_signed(shift.median)} in the median (95 %: {_signed(low)} to {_signed(high)}); "
            f"half of the differences lie within {_signed(shift.quantiles[1])} to "
            f"{_signed(shift.quantiles[2])}."
        )
    if diagnosis.thresholds:
        yield _advice(diagnosis.thresholds[0])


def _advice(threshold: Threshold) -> str:
    """Return which threshold keeps FP32's operating point."""
    low, high = threshold.same_count_ci95
    fp32, here = threshold.fp32, threshold.same_count
    text = (
        f"What FP32 keeps at confidence {fp32.confidence:g}, this row keeps at "
        f"{here.confidence:.3f} (95 %: {low:.3f} to {high:.3f}): {here.detections} detections, "
        f"against {threshold.unchanged.detections} at {fp32.confidence:g}"
    )
    if threshold.advised == fp32.confidence:
        return f"{text}; the two cannot be told apart on these images, so use {fp32.confidence:g}."
    return f"{text}."


def _causes(diagnosis: Diagnosis) -> Table:
    both = (diagnosis.agreement_lost, diagnosis.map_lost)
    causes = {
        "confidence": "confidence: both have it, scored differently",
        "place": "place: both have it, with different boxes",
        "presence": "presence: only one has it, or of another class",
    }
    return Table(
        "Points lost, by what differs",
        ("What differs", "Points of agreement (95 %)", "Points of mAP (95 %)"),
        tuple(
            (words, *(_lost(None if c is None else getattr(c, cause)) for c in both))
            for cause, words in causes.items()
        ),
    )


def _fates(diagnosis: Diagnosis) -> Table:
    return Table(
        f"Detections from confidence {diagnosis.confidence:g}, against FP32",
        ("Detections", "Count", "On a labelled object"),
        tuple(
            (MEANING[f.fate], str(f.count), DASH if f.right is None else str(f.right))
            for f in diagnosis.fates
        ),
    )


def _thresholds(diagnosis: Diagnosis) -> Table:
    rows = []
    for number, threshold in enumerate(diagnosis.thresholds):
        named = {
            "FP32, best F1" if number else "FP32": threshold.fp32,
            "here, unchanged": threshold.unchanged,
            "here, as many detections": threshold.same_count,
            "here, same precision": threshold.same_precision,
            "here, same recall": threshold.same_recall,
        }
        rows += [(name, *_kept(kept)) for name, kept in named.items() if kept is not None]
    return Table(
        "Thresholds that keep FP32's operating point",
        ("Threshold", "Confidence", "Detections", "Precision", "Recall"),
        tuple(rows),
    )


def _groups(diagnosis: Diagnosis) -> Table:
    told = [c for c in diagnosis.classes if c.lost is not None]
    measure = "mAP" if diagnosis.labelled else "Agreement"
    few = len(diagnosis.classes) - len(told)
    without = f", {few} classes with too few objects left out" if few else ""
    return Table(
        f"By size and class{without}",
        ("Objects", "Number", "Images", f"{measure}, FP32", "Here", "Loss (95 %)"),
        tuple(_group(g) for g in (*diagnosis.sizes, *told[:SHOWN_CLASSES])),
    )


def _group(group: Group) -> tuple[str, ...]:
    loss = "too few to tell" if group.lost is None else _lost(group.lost)
    numbers = (str(group.objects), str(group.images), points(group.fp32), points(group.here))
    return (group.name, *numbers, loss)


def _kept(kept: Kept) -> tuple[str, ...]:
    fractions = (kept.precision, kept.recall)
    shown = (DASH if f is None else f"{f:.3f}" for f in fractions)
    return (f"{kept.confidence:.3f}", str(kept.detections), *shown)


def _lost(lost: Lost | None) -> str:
    return DASH if lost is None else signed_points(lost.points, lost.ci95)


def _example(example: Example) -> str:
    sides = (example.fp32, example.here)
    first, second = (d and f"{d.label} {d.confidence:.2f}" for d in sides)
    where = f"{example.image}: {first or 'nothing'} in FP32, {second or 'nothing'} here"
    return f"{where}, IoU {example.iou:.2f}" if first and second else where


def _signed(value: float) -> str:
    text = f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")
    return "0.000" if text[1:] == "0.000" else text
