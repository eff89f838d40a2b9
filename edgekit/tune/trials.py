"""Networks in many precisions, each scored on the search images and timed against FP32."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict

from edgekit import __version__
from edgekit.graphs import graph_to_bytes
from edgekit.images.overlap import dataset_sha256, file_sha256
from edgekit.measure.accuracy import agreement, detect_all, map_drop, score
from edgekit.measure.latency import LatencyOptions, measure_latency, speedup
from edgekit.measure.machine import describe_machine
from edgekit.protocols import silent
from edgekit.tune.journal import Figures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgekit.measure.accuracy import Detections
    from edgekit.measure.candidate import Candidate
    from edgekit.measure.latency import LatencyResult
    from edgekit.protocols import Progress
    from edgekit.tune.journal import Journal
    from edgekit.tune.network import TunedNetwork
    from edgekit.values import Dataset, Graph, Precision

QUICK = LatencyOptions(min_runs=40, min_seconds=0.5, images=4)
RESAMPLES = 200


class Times(TypedDict):
    """The figures of a trial that are times, under their names."""

    p50_ms: float
    p90_ms: float
    speedup: float
    speedup_ci95: tuple[float, float]


@dataclass(frozen=True)
class Trial:
    """One network that was tried.

    Attributes:
        name: Unique in the search.
        in_float: Layers in float, of those that may be in INT8.
        figures: What was measured on the search images.
        loss: What it lost, to rank trials by: disagreement with FP32, or points of mAP where
            trials differ in input size.
    """

    name: str
    input_hw: tuple[int, int]
    precision: Precision
    in_float: frozenset[str]
    figures: Figures
    loss: float


@dataclass(eq=False)
class Bench:
    """Where trials are made: the baseline, the search images, and what was measured before.

    Attributes:
        baseline: FP32 of the first input size, which the others are compared with.
        search: Images that decide; none of them calibrates or is reported on.
        category_ids: Category id per class; ``None`` where the search images have no labels.
        journal: What was measured before.
        folder: Where models are written.
        by_labels: Whether trials are ranked by mAP, as those of several input sizes must be.
        latency: How long a trial is timed.
        confirmation: How long those are that may be chosen, together.
    """

    baseline: Candidate
    search: Dataset
    category_ids: tuple[int, ...] | None
    journal: Journal
    folder: Path
    by_labels: bool = False
    progress: Progress = silent
    latency: LatencyOptions = field(default=QUICK)
    confirmation: LatencyOptions = field(default_factory=LatencyOptions)

    def __post_init__(self) -> None:
        """Start without detections of any float network."""
        self._float: dict[tuple[int, int], Detections] = {}
        self._made: dict[str, Candidate] = {}

    def attempt(self, network: TunedNetwork, in_float: frozenset[str], name: str) -> Trial:
        """Return the trial of ``network`` with the layers ``in_float``, the others in INT8.

        With every layer in float it is FP32.
        """
        precision = self._precision(network, in_float)
        graph = network.network.graph if precision == "fp32" else network.graph(in_float)
        candidate = self._made[name] = self._candidate(network, graph, name)
        figures = self.journal.remembered(
            self._key(candidate), lambda: self._measure(network, candidate)
        )
        lost = (figures.map_drop_points or 0.0) if self.by_labels else 1 - (figures.agreement or 0)
        return Trial(name, network.input_hw, precision, in_float, figures, lost)

    def timed_together(self, trials: Sequence[Trial]) -> tuple[Trial, ...]:
        """Return ``trials`` with the times of one run of all of them, FP32 among them.

        The fastest of many that were timed one after another is one that was lucky, too.
        """
        base = replace(self.baseline, name="baseline")
        candidates = [base, *(self._made[trial.name] for trial in trials)]
        run = measure_latency(candidates, self.search, self.confirmation, self.progress)
        return tuple(
            replace(trial, figures=replace(trial.figures, **_times(run.results[0], timed)))
            for trial, timed in zip(trials, run.results[1:], strict=True)
        )

    def _precision(self, network: TunedNetwork, in_float: frozenset[str]) -> Precision:
        if not in_float:
            return "int8"
        return "fp32" if in_float == frozenset(network.forecaster.layers) else "mixed"

    def _candidate(self, network: TunedNetwork, graph: Graph, name: str) -> Candidate:
        """Return ``graph`` as it can be run, written to the folder under its content's hash."""
        data = graph_to_bytes(graph)
        path = self.folder / f"{hashlib.sha256(data).hexdigest()[:24]}.onnx"
        if not path.exists():
            path.write_bytes(data)
        base = replace(self.baseline, name=name, model=path)
        return replace(base, head=network.network.head, preprocess=network.network.preprocess)

    def _key(self, candidate: Candidate) -> tuple[str, ...]:
        machine = describe_machine()
        return (
            __version__,
            repr(machine.versions),
            candidate.model.name,
            repr(candidate.head),
            repr(candidate.nms),
            repr(candidate.preprocess),
            repr(candidate.backend),
            *self._common_key,
            repr(self.category_ids),
            machine.cpu,
            " ".join(machine.isa),
            repr(self.latency),
        )

    @cached_property
    def _common_key(self) -> tuple[str, str]:
        return file_sha256(self.baseline.model), dataset_sha256(self.search)

    def _measure(self, network: TunedNetwork, candidate: Candidate) -> Figures:
        found = detect_all(candidate, self.search, self.progress)
        base = replace(self.baseline, name="baseline")
        run = measure_latency([base, candidate], self.search, self.latency, self.progress)
        drop, ids = None, self.category_ids
        if ids is not None:
            first = self._found_in_float(None)
            drop = map_drop(first, found, self.search, ids, resamples=RESAMPLES)
        return Figures(
            agreement=agreement(self._found_in_float(network), found, self.search),
            map=None if ids is None else score(found, self.search, ids).map,
            map_drop_points=None if drop is None else drop.value,
            map_drop_ci95=None if drop is None else (drop.low, drop.high),
            **_times(*run.results),
        )

    def _found_in_float(self, network: TunedNetwork | None) -> Detections:
        """Return what FP32 finds at the input size of ``network``; ``None``: the first size."""
        candidate = self.baseline
        if network is not None and network.network.preprocess != self.baseline.preprocess:
            candidate = self._candidate(network, network.network.graph, "float")
        size_hw = candidate.preprocess.size_hw
        if size_hw not in self._float:
            self._float[size_hw] = detect_all(candidate, self.search, self.progress)
        return self._float[size_hw]


def _times(base: LatencyResult, timed: LatencyResult) -> Times:
    """Return how fast ``timed`` is, from one run with ``base``."""
    ratio = speedup(base, timed)
    return {
        "p50_ms": timed.latency.p50,
        "p90_ms": timed.latency.p90,
        "speedup": ratio.value,
        "speedup_ci95": (ratio.low, ratio.high),
    }
