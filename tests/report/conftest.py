"""A small report with a row of every status."""

from __future__ import annotations

import pytest

from edgekit.report.loss import (
    Causes,
    Detection,
    Diagnosis,
    Example,
    FateCount,
    Group,
    Kept,
    Lost,
    Shift,
    Threshold,
)
from edgekit.report.schema import (
    Calibration,
    CalibrationPoint,
    Coverage,
    DataUse,
    FloatConv,
    LatencyMs,
    LeftAlone,
    ModelFacts,
    OperatingPoint,
    Provenance,
    Report,
    RewriteCount,
    Rewrites,
    Row,
)
from edgekit.report.verdict import decide


@pytest.fixture(scope="session")
def make_row():
    """Return a maker of rows: measured, with ``p50`` as a short way to a latency."""

    def make(name, precision="fp32", *, p50=None, **figures):
        if p50 is not None:
            figures["latency_ms"] = LatencyMs(
                p50=p50, p90=p50 * 1.1, p99=p50 * 1.5, runs=200, pre_p50=2.0, post_p50=0.5
            )
        defaults = {"backend": "onnxruntime", "input_hw": (640, 640), "status": "measured"}
        return Row(name=name, precision=precision, **(defaults | figures))

    return make


@pytest.fixture(scope="session")
def diagnosis():
    """Return what became of ten detections, three classes and two sizes."""
    person = Detection(label="per|son", confidence=0.43, box_xyxy=(10, 20, 30.5, 40))
    weaker = Detection(label="per|son", confidence=0.12, box_xyxy=(11, 20, 30.5, 41))
    counts = {"kept": 6, "other-class": 0, "faded": 2, "moved": 1, "missed": 1}
    counts |= {"risen": 0, "new": 2}
    right = {"kept": 5, "faded": 1, "new": 1}
    return Diagnosis(
        confidence=0.25,
        images=112,
        labelled=True,
        fates=tuple(FateCount(fate=f, count=n, right=right.get(f, 0)) for f, n in counts.items()),
        examples=(
            Example(fate="faded", image="street_1.jpg", fp32=person, here=weaker, iou=0.91),
            Example(fate="new", image="street_1.jpg", here=person),
        ),
        shift=Shift(
            pairs=8,
            median=-0.0123,
            median_ci95=(-0.02, 0.0001),
            quantiles=(-0.1, -0.031, 0.011, 0.06),
        ),
        thresholds=(
            Threshold(
                fp32=Kept(confidence=0.25, detections=10, precision=0.7, recall=0.5),
                unchanged=Kept(confidence=0.25, detections=9, precision=0.75, recall=0.48),
                same_count=Kept(confidence=0.2311, detections=10, precision=0.69, recall=0.49),
                same_count_ci95=(0.21, 0.24),
                same_recall=Kept(confidence=0.22, detections=11, precision=0.6, recall=0.5),
            ),
        ),
        scale=((0.1, 0.09), (0.2, 0.18)),
        agreement_lost=Causes(
            confidence=Lost(points=2.3, ci95=(0.4, 3.2)),
            place=Lost(points=3.5, ci95=(2.6, 4.1)),
            presence=Lost(points=0.1, ci95=(0.0, 0.2)),
        ),
        map_lost=Causes(
            confidence=Lost(points=-0.3, ci95=(-1.6, 0.8)),
            place=Lost(points=0.7, ci95=(0.1, 1.2)),
            presence=Lost(points=0.09, ci95=(-0.1, 0.2)),
        ),
        classes=(
            Group(name="cat", objects=3, images=2, fp32=0.5, here=0.4),
            Group(
                name="per|son",
                objects=187,
                images=51,
                fp32=0.621,
                here=0.616,
                lost=Lost(points=0.5, ci95=(-0.7, 1.6)),
            ),
            Group(name="dog", objects=2, images=1, fp32=0.3, here=0.4),
        ),
        sizes=(
            Group(
                name="small",
                objects=364,
                images=53,
                fp32=0.244,
                here=0.2433,
                lost=Lost(points=0.1, ci95=(-1.7, 2.2)),
            ),
            Group(name="large", objects=9, images=4, fp32=0.616, here=0.63),
        ),
    )


@pytest.fixture(scope="session")
def rows(make_row, diagnosis):
    fp32 = make_row(
        "fp32",
        baseline=True,
        p50=58.3,
        map=0.398,
        map50=0.5563,
        agreement=1.0,
        images=112,
        detection=OperatingPoint(confidence=0.31, precision=0.67, recall=0.51, f1=0.579),
        fps=16.4,
        speedup=1.0,
        size_bytes=12_700_000,
        peak_memory_bytes=180_000_000,
    )
    int8 = make_row(
        "int8",
        "int8",
        p50=37.4,
        map=0.3931,
        agreement=0.941,
        images=112,
        map_drop_points=0.49,
        map_drop_ci95=(-0.42, 1.36),
        fps=24.9,
        speedup=1.56,
        speedup_ci95=(1.52, 1.6),
        size_bytes=3_400_000,
        coverage=Coverage(
            convs_int8=62,
            convs_float=1,
            mac_share_int8=0.9642,
            left_float=(
                FloatConv(node="/head/dfl_conv", reason="decode | float", mac_share=0.0358),
            ),
        ),
        diagnosis=diagnosis,
    )
    simulated = make_row(
        "trt",
        "int8",
        backend="tensorrt",
        status="simulated",
        reason="no GPU here",
        map=0.391,
        images=112,
        map_drop_points=-0.04,
    )
    absent = make_row(
        "openvino", "int8", backend="openvino", status="not-run", reason="not installed"
    )
    return (fp32, int8, simulated, absent)


@pytest.fixture(scope="session")
def report(rows):
    return Report(
        target="ort-cpu-int8",
        device="Example CPU, 2 cores",
        model=ModelFacts(
            path="<b>model</b>.onnx",
            sha256="ab" * 32,
            family="yolov8",
            classes=80,
            params=3_151_904,
            macs=4_372_000_000,
        ),
        rows=rows,
        verdict=decide(rows),
        provenance=Provenance(
            command="edgekit convert model.onnx --target ort-cpu-int8 --eval a & b",
            created_utc="2026-01-02T03:04:05Z",
            versions={"edgekit": "0.1.0", "onnxruntime": "1.2.3"},
            machine={
                "cpu": "Example CPU",
                "cores": 2,
                "memory_bytes": 8 * 2**30,
                "governor_before": None,
                "load_1min_after": 0.123456,
            },
        ),
        data=(
            DataUse(role="calibration", source="train", images=64),
            DataUse(
                role="evaluation", source="val", images=112, faults={"truncated": 1, "crowd": 7}
            ),
        ),
        calibration=Calibration(
            observer="mse",
            tensors=183,
            images=64,
            findings=("All are grey.",),
            curve=(
                CalibrationPoint(images=16, difference=0.061),
                CalibrationPoint(images=32, difference=0.034),
                CalibrationPoint(images=48, difference=0.021),
                CalibrationPoint(images=64, difference=0.0),
            ),
            more=24,
            advice="Add about 24 more.",
        ),
        rewrites=Rewrites(
            nodes_before=233,
            nodes_after=176,
            done=(
                RewriteCount(
                    rule="a batch normalization behind a layer",
                    count=57,
                    nodes_before=114,
                    nodes_after=57,
                    difference=1.234e-7,
                ),
                RewriteCount(
                    rule="a pool of a smaller pool",
                    count=3,
                    nodes_before=3,
                    nodes_after=3,
                    difference=0.0,
                ),
            ),
            refused=(LeftAlone(name="/a/<bn>", reason="its output is | used elsewhere"),),
            dropped=(LeftAlone(name="raw", reason="'output0' is computed from it"),),
            images=("000000000009.jpg", "street_1.jpg"),
            export_difference=2.5e-6,
            loading=("The averaged (EMA) weights are used.",),
        ),
        warnings=("The machine was busy.",),
    )
