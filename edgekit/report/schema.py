"""``report.json``, schema 1: the rows, the verdict, and where they come from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgekit.report.estimated import Estimated
from edgekit.report.loss import Diagnosis, LayerShare
from edgekit.report.parts import Fraction, Interval95, Part, Positive
from edgekit.report.quality import AverageRecall, Confusion, Curves, OperatingPoint
from edgekit.report.speed import Energy, LatencyMs, Throughput
from edgekit.values import Precision, Status

Hw = tuple[int, int]

SHIPPABLE: Status = "measured"


class ModelFacts(Part):
    """The model the user brought."""

    path: str
    sha256: str
    family: str
    classes: int
    params: int
    macs: int


class FloatConv(Part):
    """A convolution or matrix product that the runtime runs in float, and why.

    Attributes:
        mac_share: Its share of all multiply-accumulates of the network.
    """

    node: str
    mac_share: Fraction
    reason: str


class Coverage(Part):
    """What the runtime's own optimized graph runs in INT8.

    Attributes:
        convs_int8: How many convolutions and matrix products with weights run in INT8.
        convs_float: How many run in float.
        mac_share_int8: Share of all multiply-accumulates that run in INT8.
        left_float: Every one that runs in float, the heaviest first.
        operators: How often each operator stands in the runtime's own graph.
    """

    convs_int8: int
    convs_float: int
    mac_share_int8: Fraction
    left_float: tuple[FloatConv, ...] = ()
    operators: dict[str, int] = Field(default_factory=dict)


class Row(Part):
    """One model on one runtime: a row of the report. A figure that is not known is ``None``.

    Attributes:
        reason: Why the row was not run, or what its status rests on.
        baseline: Whether the other rows of this runtime are compared with this one.
        map: COCO mAP50-95, a fraction.
        agreement: COCO AP against the FP32 model's own detections above confidence 0.25.
        images: How many images scored it.
        map_drop_points: Loss against the baseline, in points of 0..100.
        fps: End to end: preprocessing, inference, NMS.
        speedup: Median of paired inference ratios against this runtime's baseline.
        size_bytes: Of the model file; ``None`` only where none was built.
        recall: COCO average recall.
        ap_per_class: AP50-95 by class name, classes with objects only.
        curves: Precision and recall over confidence.
        confusion: Which classes are taken for which.
        throughput: Images per second with several streams at once.
        energy: What one image costs, where power can be read.
        disturbed: What disturbed the timing, one clause each.
        coverage: What runs in INT8, for a quantized row.
        diagnosis: Where its loss against FP32 comes from.
        layers: Where rounding is expected to cost most, the largest first.
        estimate: Its speed as a model of the device expects it; such a row has no other.
    """

    name: str
    backend: Literal["onnxruntime", "openvino", "tensorrt"]
    precision: Precision
    input_hw: Hw
    status: Status
    reason: str | None = None
    baseline: bool = False
    map: Fraction | None = None
    map50: Fraction | None = None
    map75: Fraction | None = None
    map_small: Fraction | None = None
    map_medium: Fraction | None = None
    map_large: Fraction | None = None
    agreement: Fraction | None = None
    images: int = 0
    detection: OperatingPoint | None = None
    map_drop_points: float | None = None
    map_drop_ci95: Interval95 | None = None
    latency_ms: LatencyMs | None = None
    fps: Positive | None = None
    speedup: Positive | None = None
    speedup_ci95: Interval95 | None = None
    size_bytes: int | None = None
    peak_memory_bytes: int | None = None
    recall: AverageRecall | None = None
    ap_per_class: dict[str, Fraction] = Field(default_factory=dict)
    curves: Curves | None = None
    confusion: Confusion | None = None
    throughput: tuple[Throughput, ...] = ()
    energy: Energy | None = None
    disturbed: tuple[str, ...] = ()
    coverage: Coverage | None = None
    diagnosis: Diagnosis | None = None
    layers: tuple[LayerShare, ...] = ()
    estimate: Estimated | None = None

    @property
    def shippable(self) -> bool:
        """Whether this row was measured, speed included, on the device of the report."""
        return self.status == SHIPPABLE and self.latency_ms is not None

    @model_validator(mode="after")
    def _claims_only_what_its_status_allows(self) -> Self:
        timed: tuple[object, ...] = (self.latency_ms, self.fps, self.speedup, *self.throughput)
        timed = (*timed, self.peak_memory_bytes, self.energy)
        scored = (self.map, self.agreement, self.map_drop_points, self.recall, self.curves)
        if self.status in ("simulated", "not-run") and any(v is not None for v in timed):
            raise ValueError(f"row '{self.name}' is {self.status}: it can have no latency")
        if self.status in ("estimated", "not-run") and any(v is not None for v in scored):
            raise ValueError(f"row '{self.name}' is {self.status}: it can have no accuracy")
        if self.estimate is not None and self.status != "estimated":
            raise ValueError(f"row '{self.name}' is {self.status}: an estimate is another row")
        if self.estimate is not None and any(v is not None for v in timed):
            raise ValueError(f"row '{self.name}' is an estimate: it can have no measured time")
        if self.status == "not-run" and not self.reason:
            raise ValueError(f"row '{self.name}' was not run: say why in 'reason'")
        return self


class Verdict(Part):
    """What to ship, and why in one sentence.

    Attributes:
        ship: Name of a measured row, or ``None`` when none was measured.
        candidate: Row to measure on the device first, when ``ship`` is ``None``.
    """

    ship: str | None
    because: str
    candidate: str | None = None


class DataUse(Part):
    """Images that were used, and what was wrong with them.

    Attributes:
        images: How many images were used.
        sha256: Of the images and labels together.
        faults: Kind of fault to how many, e.g. ``degenerate-box: 2``.
    """

    role: Literal["calibration", "search", "evaluation"]
    source: str
    images: int
    sha256: str | None = None
    faults: dict[str, int] = Field(default_factory=dict)


class CalibrationPoint(Part):
    """How far ranges from a part of the images lie from those of all.

    Attributes:
        images: How many images.
        difference: A fraction of the width of the ranges, mean over tensors and several orders of
            the images.
    """

    images: int
    difference: float


class Calibration(Part):
    """How the ranges were found.

    Attributes:
        observer: Rule that turns a histogram into a range.
        tensors: How many tensors have a range.
        images: How many images could be read.
        findings: What the audit of the calibration images noticed, one sentence each.
        curve: Ranges after a quarter, half, three quarters and all of the images.
        more: How many images to add, roughly; 0 where the ranges hardly move any more.
        advice: The same as a sentence.
    """

    observer: str
    tensors: int
    images: int | None = None
    findings: tuple[str, ...] = ()
    curve: tuple[CalibrationPoint, ...] = ()
    more: int | None = None
    advice: str | None = None


class Trial(Part):
    """One network that a search tried, scored on the search images.

    Attributes:
        layers_float: How many layers run in float, of those that may run in INT8.
        map_drop_points: Loss against FP32, in points of 0..100; ``None`` without labels.
        speedup: Median of paired ratios to FP32.
        met: Whether it keeps what was asked for.
        front: Whether no other is both as fast and as good.
    """

    name: str
    input_hw: Hw
    precision: Precision
    layers_float: int
    agreement: Fraction | None
    map_drop_points: float | None
    map_drop_ci95: Interval95 | None
    p50_ms: Positive
    speedup: Positive
    speedup_ci95: Interval95
    met: bool
    front: bool


class Search(Part):
    """What a search tried, and what it was told to keep.

    Attributes:
        images: How many images decided; none of them calibrates or scores a row.
        layers: How many layers may run in INT8 or in float.
        expected: How many choices of precision were judged by what is expected of them.
        remembered: How many of the trials an earlier search had measured.
        map_drop_points_max: Most mAP a network may lose on the search images.
        agreement_min: Least agreement with FP32 there.
        p90_ms_max: Slowest 90th percentile of inference; ``None`` where none was asked for.
        trials: In the order of trying.
        chosen: Name of the trial that became the target's row.
        met: Whether it keeps what was asked for.
    """

    images: int
    layers: int
    expected: int
    remembered: int
    map_drop_points_max: float | None
    agreement_min: Fraction
    p90_ms_max: Positive | None = None
    trials: tuple[Trial, ...]
    chosen: str
    met: bool

    @property
    def choice(self) -> Trial:
        """The trial that was chosen."""
        return next(t for t in self.trials if t.name == self.chosen)


class RewriteCount(Part):
    """What one kind of rewrite did, all nodes together.

    Attributes:
        rule: What kind of rewrite it is, in a few words.
        count: How many nodes took over the work of others.
        nodes_before: How many nodes did that work.
        nodes_after: How many do it now.
        difference: Largest difference between before and after, computed in float64 at nine
            pixels of each node, relative to the largest value there.
    """

    rule: str
    count: int
    nodes_before: int
    nodes_after: int
    difference: float


class LeftAlone(Part):
    """A node that a rewrite left as it was, or an output that is gone, and why."""

    name: str
    reason: str


class Rewrites(Part):
    """How the model as given became the FP32 network that all else starts from.

    Attributes:
        nodes_before: Of the model as given, or of the export of a checkpoint.
        nodes_after: Of the rewritten network, decode included.
        done: By kind, in the order of the first of each. A node may be rewritten more than once.
            ``edgekit.lock`` has every one of them under ``folds``.
        refused: Nodes left as they were, with the reason.
        dropped: Outputs that only training needs, gone with all that fed only them.
        images: File names of the images that every rewrite was proven on, besides noise and a
            drawn picture.
        export_difference: Largest relative difference on these images between a checkpoint's
            torch modules and its ONNX export; ``None`` where that was not compared.
        loading: What loading dropped or changed, one sentence each.
    """

    nodes_before: int
    nodes_after: int
    done: tuple[RewriteCount, ...] = ()
    refused: tuple[LeftAlone, ...] = ()
    dropped: tuple[LeftAlone, ...] = ()
    images: tuple[str, ...] = ()
    export_difference: float | None = None
    loading: tuple[str, ...] = ()


class Provenance(Part):
    """Where the figures come from.

    Attributes:
        command: What to type to get this report again.
        created_utc: ISO 8601, to the second.
        versions: edgekit, the runtimes and the libraries that count.
        machine: What it was measured on: processor, cores, memory, governor, load, ...
        model_files: What the model is made of besides its file: name to sha256.
    """

    command: str
    created_utc: str
    versions: dict[str, str]
    machine: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    model_files: dict[str, str] = Field(default_factory=dict)


class Report(Part):
    """Everything ``report.json`` holds; HTML, Markdown and the terminal show the same.

    Attributes:
        target: Name of the recipe.
        device: What the rows were measured on, or meant for.
        data: The sets of images, none of which may share an image with another.
        rewrites: What was done to the model before anything was quantized.
        search: What was tried, where precisions were searched for.
        warnings: What the user should know before trusting the figures, one sentence each.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    target: str
    device: str
    model: ModelFacts
    rows: tuple[Row, ...]
    verdict: Verdict
    provenance: Provenance
    data: tuple[DataUse, ...] = ()
    calibration: Calibration | None = None
    rewrites: Rewrites | None = None
    search: Search | None = None
    warnings: tuple[str, ...] = ()

    def row(self, name: str) -> Row:
        """Return the row called ``name``."""
        return next(r for r in self.rows if r.name == name)

    @model_validator(mode="after")
    def _ships_a_measured_row(self) -> Self:
        names = [r.name for r in self.rows]
        if len(set(names)) != len(names):
            raise ValueError(f"rows need names of their own, found {names}")
        named = self.verdict.ship or self.verdict.candidate
        if named is not None and named not in names:
            raise ValueError(f"the verdict names '{named}', which is none of the rows {names}")
        if self.verdict.ship is not None and self.row(self.verdict.ship).status != SHIPPABLE:
            raise ValueError(f"the verdict ships '{named}', which was not measured")
        return self
