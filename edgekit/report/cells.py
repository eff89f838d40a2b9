"""Figures as people read them, the same in HTML, Markdown and the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgekit.report.parts import Interval95
    from edgekit.report.schema import Row
    from edgekit.report.speed import LatencyMs

DASH = "–"
RUNTIMES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "tensorrt": "TensorRT"}


@dataclass(frozen=True)
class Column:
    """A column of a table of rows: its heading and what it says of a row."""

    title: str
    text: Callable[[Row], str]
    numeric: bool = True


def points(fraction: float | None) -> str:
    """Return a fraction in points of 0..100, one decimal; a dash when it is not known."""
    return DASH if fraction is None else f"{100 * fraction:.1f}"


def share(fraction: float | None) -> str:
    """Return a fraction in percent; only what is exactly nothing or all is shown as 0 or 100."""
    if fraction is None:
        return DASH
    if fraction in (0, 1):
        return f"{100 * fraction:.0f} %"
    return f"{min(max(100 * fraction, 0.1), 99.9):.1f} %"


def ms(value: float | None) -> str:
    """Return milliseconds with three digits that count."""
    if value is None:
        return DASH
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(value: float | None, ci95: Interval95 | None = None, lead: str = "") -> str:
    """Return a ratio, and its interval where there is one: ``1.52× (1.48 to 1.56)``."""
    if value is None:
        return DASH
    return f"{value:.2f}×" + (f" ({lead}{ci95[0]:.2f} to {ci95[1]:.2f})" if ci95 else "")


def signed_points(value: float | None, ci95: Interval95 | None = None, lead: str = "") -> str:
    """Return points of mAP, and their interval where there is one: ``0.6 (−0.3 to 1.5)``."""
    if value is None:
        return DASH
    bounds = f" ({lead}{_signed(ci95[0])} to {_signed(ci95[1])})" if ci95 else ""
    return _signed(value) + bounds


def megabytes(size_bytes: int | None) -> str:
    """Return a size in megabytes of 10^6 bytes."""
    return DASH if size_bytes is None else f"{size_bytes / 1e6:.1f}"


def status(row: Row) -> str:
    """Return the status of ``row`` with its reason, and whether its timing was disturbed."""
    text = f"{row.status}, disturbed" if row.disturbed else row.status
    return f"{text}: {row.reason}" if row.reason else text


def shown(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Column, ...]:
    """Return the first column, and those that say something of one row at least."""
    first, *others = columns
    return (first, *(c for c in others if any(c.text(row) != DASH for row in rows)))


def _signed(value: float) -> str:
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "\N{MINUS SIGN}")


def _of_latency(field: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        latency: LatencyMs | None = row.latency_ms
        return DASH if latency is None else ms(getattr(latency, field))

    return text


def _p50(row: Row) -> str:
    if row.estimate is None:
        return _of_latency("p50")(row)
    one = row.estimate
    return f"≈ {ms(one.ms)} ({ms(one.low_ms)} to {ms(one.high_ms)})"


def _spread_of_latency(percentile: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        latency = row.latency_ms
        if latency is None:
            return DASH
        ci95: Interval95 | None = getattr(latency, f"{percentile}_ci95")
        bounds = f" ({ms(ci95[0])} to {ms(ci95[1])})" if ci95 else ""
        return ms(getattr(latency, percentile)) + bounds

    return text


def _throughput(row: Row) -> str:
    return ", ".join(f"{t.fps:.1f} with {t.streams}" for t in row.throughput) or DASH


def _energy(row: Row) -> str:
    return DASH if row.energy is None else f"{row.energy.mj_per_frame:.3g}"


def _count_of_latency(field: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        count: int | None = getattr(row.latency_ms, field, None)
        return DASH if count is None else str(count)

    return text


def _of_detection(field: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        return DASH if row.detection is None else f"{getattr(row.detection, field):.3f}"

    return text


NAME = Column("Row", lambda r: r.name, numeric=False)
MAP = Column("mAP", lambda r: points(r.map))
LOSS = Column("Loss (95 %)", lambda r: signed_points(r.map_drop_points, r.map_drop_ci95))
AGREEMENT = Column("Agreement", lambda r: points(r.agreement))
P50 = Column("p50 ms", _p50)
SPEEDUP = Column("Speedup (95 %)", lambda r: times(r.speedup, r.speedup_ci95))
COLUMNS = (
    NAME,
    Column("Status", status, numeric=False),
    MAP,
    LOSS,
    AGREEMENT,
    P50,
    Column("p90 ms", _of_latency("p90")),
    SPEEDUP,
    Column("fps", lambda r: DASH if r.fps is None else f"{r.fps:.1f}"),
    Column("MB", lambda r: megabytes(r.size_bytes)),
)
TERMINAL_COLUMNS = (
    NAME,
    Column("Status", lambda r: r.status, numeric=False),
    MAP,
    LOSS,
    AGREEMENT,
    P50,
    SPEEDUP,
)
DETAIL_COLUMNS = (
    NAME,
    Column("Runtime", lambda r: RUNTIMES[r.backend], numeric=False),
    Column("Precision", lambda r: r.precision, numeric=False),
    Column("Input", lambda r: f"{r.input_hw[0]}×{r.input_hw[1]}"),
    Column("Images", lambda r: str(r.images) if r.images else DASH),
    Column("mAP50", lambda r: points(r.map50)),
    Column("mAP75", lambda r: points(r.map75)),
    Column("small", lambda r: points(r.map_small)),
    Column("medium", lambda r: points(r.map_medium)),
    Column("large", lambda r: points(r.map_large)),
    Column("AR100", lambda r: points(r.recall.ar100 if r.recall else None)),
    Column("Precision at best F1", _of_detection("precision")),
    Column("Recall", _of_detection("recall")),
    Column("F1", _of_detection("f1")),
    Column("Confidence", _of_detection("confidence")),
    Column("p50 ms (95 %)", _spread_of_latency("p50")),
    Column("p90 ms (95 %)", _spread_of_latency("p90")),
    Column("p99 ms (95 %)", _spread_of_latency("p99")),
    Column("p90 surely below, ms", _of_latency("p90_early_stopping")),
    Column("before, ms", _of_latency("pre_p50")),
    Column("after, ms", _of_latency("post_p50")),
    Column("Runs", _count_of_latency("runs")),
    Column("Threads", _count_of_latency("threads")),
    Column("Load ms", _of_latency("load_ms")),
    Column("First image ms", _of_latency("cold_start_ms")),
    Column("fps with streams", _throughput),
    Column("mJ per image", _energy),
    Column("Disturbed by", lambda r: "; ".join(r.disturbed) or DASH, numeric=False),
    Column("Peak memory MB", lambda r: megabytes(r.peak_memory_bytes)),
)
