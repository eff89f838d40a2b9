"""Reports with every field filled, of any number of rows, drawn from a seed."""

from __future__ import annotations

import numpy as np

from edgekit.report.loss import Causes, Diagnosis, Example, FateCount, Group, Lost
from edgekit.report.loss import Detection as Found
from edgekit.report.quality import (
    AverageRecall,
    Confusion,
    ConfusionCell,
    Curves,
    OperatingPoint,
)
from edgekit.report.schema import (
    Calibration,
    CalibrationPoint,
    Coverage,
    DataUse,
    FloatConv,
    ModelFacts,
    Provenance,
    Report,
    Row,
)
from edgekit.report.speed import Energy, LatencyMs, Throughput
from edgekit.report.verdict import decide

CLASSES = tuple(f"class {i:02d}" for i in range(80))
RUNTIMES = ("onnxruntime", "openvino", "tensorrt")
PRECISIONS = ("fp32", "fp16", "int8", "mixed")
SIZES = (640, 512, 416, 320)
IMAGES = 500


def made_report(rows: int = 6, seed: int = 0) -> Report:
    """Return a report whose first row is the FP32 baseline of ONNX Runtime at 640."""
    rng = np.random.default_rng(seed)
    made = tuple(made_row(i, rng) for i in range(rows))
    return Report(
        target="cpu",
        device="Example CPU, 2 cores",
        model=ModelFacts(
            path="example.onnx",
            sha256="ab" * 32,
            family="yolov8",
            classes=len(CLASSES),
            params=3_151_904,
            macs=4_372_000_000,
        ),
        rows=made,
        verdict=decide(made),
        provenance=Provenance(
            command="edgekit convert example.onnx --target cpu --calib train --eval val",
            created_utc="2026-01-02T03:04:05Z",
            versions={"edgekit": "0.1.0", "onnxruntime": "1.2.3"},
            machine={"cpu": "Example CPU", "cores": 2, "memory_bytes": 8 * 2**30},
        ),
        data=(
            DataUse(role="calibration", source="train", images=64, sha256="cd" * 32),
            DataUse(role="evaluation", source="val", images=IMAGES, sha256="ef" * 32),
        ),
        calibration=Calibration(
            observer="damage",
            tensors=183,
            images=64,
            curve=tuple(
                CalibrationPoint(images=n, difference=d)
                for n, d in ((16, 0.061), (32, 0.034), (48, 0.021), (64, 0.0))
            ),
        ),
    )


def made_runs(runs: int, rows: int) -> tuple[Report, ...]:
    """Return reports of ``rows`` rows each: two models on every other device in turn."""
    return tuple(made_run(run, rows) for run in range(runs))


def made_run(run: int, rows: int) -> Report:
    report = made_report(rows, seed=run)
    name = "large" if run % 2 else "small"
    model = {"path": f"{name}.onnx", "sha256": f"{run % 2}" * 64}
    device = f"Example CPU {run // 2}, 2 cores"
    update = {"model": report.model.model_copy(update=model), "device": device}
    return report.model_copy(update=update)


def made_row(index: int, rng: np.random.Generator) -> Row:
    """Return a measured row of every runtime, precision and size in turn."""
    precision = PRECISIONS[index % len(PRECISIONS)]
    backend = RUNTIMES[index // len(PRECISIONS) % len(RUNTIMES)]
    side = SIZES[index // (len(PRECISIONS) * len(RUNTIMES)) % len(SIZES)]
    baseline = precision == "fp32" and side == SIZES[0] and index < len(PRECISIONS) * len(RUNTIMES)
    score = 0.4 * (side / SIZES[0]) ** 0.5
    drop = 0.0 if precision == "fp32" else float(rng.gamma(2.0, 0.4))
    p50 = float(60 * (side / SIZES[0]) ** 2 * rng.uniform(0.5, 1.0))
    return Row(
        name=f"{backend} {precision} {side} #{index}",
        backend=backend,
        precision=precision,
        input_hw=(side, side),
        status="measured",
        baseline=baseline,
        agreement=max(0.0, 1 - drop / 20),
        images=IMAGES,
        map_drop_points=None if baseline else drop,
        map_drop_ci95=None if baseline else (drop - 0.6, drop + 0.7),
        latency_ms=made_latency(p50, rng),
        fps=1000 / (p50 + 3),
        speedup=None if baseline else 60 / p50,
        speedup_ci95=None if baseline else (57 / p50, 63 / p50),
        size_bytes=12_700_000 if precision == "fp32" else 3_400_000,
        peak_memory_bytes=180_000_000,
        throughput=tuple(Throughput(streams=n, fps=900 * n**0.5 / p50) for n in (1, 2, 4)),
        energy=Energy(mj_per_frame=p50 * 9, mean_w=9.0, source="the whole processor"),
        **made_quality(score - drop / 100, rng),
        **(made_loss(drop, rng) if precision in ("int8", "mixed") else {}),
    )


def made_latency(p50, rng):
    quantiles = np.sort(p50 * rng.lognormal(0.0, 0.05, 101))
    p90, p99 = float(quantiles[90]), float(quantiles[99])
    return LatencyMs(
        p50=p50,
        p90=p90,
        p99=p99,
        runs=400,
        pre_p50=2.0,
        post_p50=0.5,
        p50_ci95=(0.99 * p50, 1.01 * p50),
        p90_ci95=(0.98 * p90, 1.03 * p90),
        p99_ci95=(0.95 * p99, 1.2 * p99),
        p90_early_stopping=1.04 * p90,
        quantiles=tuple(map(float, quantiles)),
        threads=2,
        warmup_runs=20,
        load_ms=41.5,
        cold_start_ms=2.5 * p50,
        settings="OnnxRuntime(threads=2, spin=True)",
    )


def made_quality(score, rng):
    """Return what a row holds of accuracy, as keywords."""
    at = np.linspace(0, 1, 101)
    precision = 1 - 0.6 * np.exp(-4 * at)
    recall = 0.75 * (1 - at**2)
    f1 = 2 * precision * recall / (precision + recall)
    best = int(np.argmax(f1))
    apart = rng.choice(len(CLASSES), (200, 2))
    counts = np.sort(rng.geometric(0.05, 200))[::-1]
    return {
        "map": score,
        "map50": score**0.7,
        "map75": score**1.1,
        "map_small": score / 2,
        "map_medium": score,
        "map_large": score**0.6,
        "detection": OperatingPoint(
            confidence=at[best], precision=precision[best], recall=recall[best], f1=f1[best]
        ),
        "recall": AverageRecall(ar1=0.3, ar10=0.5, ar100=0.6, small=0.3, medium=0.6, large=0.8),
        "ap_per_class": dict(zip(CLASSES, map(float, rng.uniform(0.1, 0.8, 80)), strict=True)),
        "curves": Curves(
            precision_at_recall=tuple(map(float, np.clip(1.1 - at**0.5, 0, 1))),
            precision=(*map(float, precision[:95]), *(None,) * 6),
            recall=tuple(map(float, recall)),
            f1=tuple(map(float, f1)),
        ),
        "confusion": Confusion(
            confidence=0.25,
            iou=0.5,
            cells=tuple(
                ConfusionCell(truth=CLASSES[a], found=CLASSES[b] if i % 5 else None, count=int(n))
                for i, ((a, b), n) in enumerate(zip(apart, counts, strict=True))
            ),
        ),
    }


def made_loss(drop, rng):
    """Return what runs in INT8 and where the loss comes from, as keywords."""
    lost = Lost(points=drop / 3, ci95=(drop / 3 - 0.4, drop / 3 + 0.4))
    box = Found(label=CLASSES[0], confidence=0.43, box_xyxy=(10, 20, 30.5, 40))
    counts = {"kept": 1800, "other-class": 3, "faded": 40, "moved": 9, "missed": 4}
    counts |= {"risen": 5, "new": 2}
    return {
        "coverage": Coverage(
            convs_int8=62,
            convs_float=8,
            mac_share_int8=0.9642,
            left_float=tuple(
                FloatConv(node=f"/model.22/cv{i}/conv", mac_share=0.004, reason="decode")
                for i in range(8)
            ),
        ),
        "diagnosis": Diagnosis(
            confidence=0.25,
            images=IMAGES,
            labelled=True,
            fates=tuple(FateCount(fate=f, count=n, right=n // 2) for f, n in counts.items()),
            examples=tuple(
                Example(fate="faded", image=f"image_{i}.jpg", fp32=box, here=box, iou=0.9)
                for i in range(5)
            ),
            agreement_lost=Causes(confidence=lost, place=lost, presence=lost),
            map_lost=Causes(confidence=lost, place=lost, presence=lost),
            classes=tuple(
                Group(name=name, objects=80, images=40, fp32=0.5, here=here, lost=lost)
                for name, here in zip(CLASSES, map(float, rng.uniform(0.4, 0.5, 80)), strict=True)
            ),
            sizes=tuple(
                Group(name=name, objects=900, images=300, fp32=0.4, here=0.39, lost=lost)
                for name in ("small", "medium", "large")
            ),
        ),
    }


def made_gallery(count: int = 2):
    """Return pictures in which one detection of two is lost."""
    from edgekit.report.pictures import Gallery, Picture
    from edgekit.values import Boxes

    boxes = np.array([[50, 50, 200, 220], [300, 100, 420, 300]], np.float32)
    two = Boxes(boxes, np.array([0.8, 0.6], np.float32), np.array([0, 1]))
    one = Boxes(boxes[:1], np.array([0.75], np.float32), np.array([0]))
    rng = np.random.default_rng(0)
    pictures = tuple(
        Picture(f"image_{i}.jpg", rng.integers(0, 255, (320, 480, 3), np.uint8), two, one)
        for i in range(count)
    )
    return Gallery("fp32", "int8", CLASSES, 0.25, "The first images.", pictures)
