"""``edgekit eval`` and ``edgekit bench``: accuracy and latency of models as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgekit.errors import ConfigError
from edgekit.load.program import short_name
from edgekit.measure.accuracy import coco_results, detect_all, score
from edgekit.measure.latency import for_a_report, measure_latency, speedup
from edgekit.pipeline.conditions import conditions_of, timing_warnings
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.rows import Entry, score_entries
from edgekit.protocols import busy, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edgekit.measure.accuracy import Accuracy
    from edgekit.measure.latency import LatencyOptions, LatencyResult
    from edgekit.pipeline.opened import Opened
    from edgekit.pipeline.options import ModelOptions
    from edgekit.pipeline.rows import Scores
    from edgekit.protocols import Progress
    from edgekit.values import Dataset, Interval


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good one model is.

    Attributes:
        accuracy: ``None`` where the images have no labels.
        results: Every detection in COCO results form: exactly what was scored.
        faults: What was wrong with images and labels, kind to how many.
    """

    accuracy: Accuracy | None
    results: list[dict[str, Any]]
    faults: dict[str, int]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Bench:
    """One of several models, measured in turn with the others.

    Attributes:
        speedup: Over the first model; ``None`` for itself.
        scores: ``None`` where no images were given.
        warnings: What the user should know before trusting its figures.
        conditions: State of the machine before and after, and what happened between.
    """

    name: str
    timed: LatencyResult
    speedup: Interval | None
    scores: Scores | None
    warnings: tuple[str, ...]
    conditions: Mapping[str, str | int | float | bool | None]


def evaluate(
    path: Path, dataset: Dataset, options: ModelOptions, progress: Progress = silent
) -> Evaluation:
    """Return the accuracy of a model or artifact on ``dataset``.

    Args:
        path: Model file or artifact.
        dataset: With labels or without.
        options: What the model file leaves open.
        progress: Told after every image.

    Raises:
        ConfigError: Bad input.
    """
    with busy(progress, "open"):
        opened = open_detector(path, options, short_name(path), dataset)
    ids = _category_ids(opened, dataset)  # first: it costs nothing and may refuse
    found = detect_all(opened.candidate, dataset, progress)
    results = coco_results(found, dataset, ids or tuple(range(opened.candidate.head.classes)))
    with busy(progress, "score"):
        accuracy = None if ids is None else score(found, dataset, ids)
    return Evaluation(
        accuracy=accuracy,
        results=results,
        faults={**dataset.faults, **found.faults},
        warnings=opened.warnings,
    )


def bench(
    paths: Sequence[Path],
    dataset: Dataset | None,
    options: ModelOptions,
    latency: LatencyOptions | None = None,
    progress: Progress = silent,
) -> tuple[Bench, ...]:
    """Return the latency of every model, timed in turn, and with images their paired accuracy.

    Args:
        paths: Model files or artifacts; the others are compared with the first.
        dataset: Images to run on; ``None`` runs on a synthetic one and scores nothing.
        options: What the model files leave open.
        latency: How long to measure, and how; ``None`` as for a report.
        progress: Told as it goes.

    Raises:
        ConfigError: Bad input, or models whose classes differ.
    """
    named = zip(paths, _names(paths), strict=True)
    with busy(progress, "open"):
        opened = [open_detector(path, options, name, dataset) for path, name in named]
    if dataset is not None:
        _require_same_classes(opened, dataset)
    candidates = [o.candidate for o in opened]
    run = measure_latency(candidates, dataset, latency or for_a_report(), progress)
    scores = _scores(opened, dataset, progress)
    first, common = run.results[0], timing_warnings(run)
    return tuple(
        Bench(
            name=result.name,
            timed=result,
            speedup=None if result is first else speedup(first, result),
            scores=scores.get(result.name),
            warnings=(*detector.warnings, *(common if result is first else ())),
            conditions=conditions_of(run),
        )
        for result, detector in zip(run.results, opened, strict=True)
    )


def _scores(
    opened: Sequence[Opened], dataset: Dataset | None, progress: Progress
) -> dict[str, Scores]:
    if dataset is None:
        return {}
    entries = [Entry(o.candidate, o.precision) for o in opened]
    entries[0] = replace(entries[0], baseline=True)
    return score_entries(entries, dataset, _category_ids(opened[0], dataset), progress)


def _require_same_classes(opened: Sequence[Opened], dataset: Dataset) -> None:
    first, *others = opened
    for other in others:
        counts = [o.candidate.head.classes for o in (first, other)]
        ids = [_category_ids(o, dataset) for o in (first, other)]
        if counts[0] != counts[1] or ids[0] != ids[1]:
            raise ConfigError(
                f"Cannot compare what {first.candidate.name} and {other.candidate.name} find: "
                f"expected the same classes in the same order, found {counts[0]} and {counts[1]} "
                "classes that stand for other categories. Leave --eval out to compare speed alone."
            )


def _category_ids(opened: Opened, dataset: Dataset) -> tuple[int, ...] | None:
    return opened.category_ids(dataset) if dataset.labelled else None


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a short name for each path; the whole path where short names collide."""
    short = [p.parent.name if p.name == "artifact" else short_name(p) for p in paths]
    return [
        name if short.count(name) == 1 else str(path)
        for name, path in zip(short, paths, strict=True)
    ]
