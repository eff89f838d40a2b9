"""``report.csv``: one line per row, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgekit.report.schema import Report, Row

Cell = str | float | bool | None
_FORMULA = ("=", "+", "-", "@", "\t", "\n")


@dataclass(frozen=True)
class CsvColumn:
    """A column: its name with the unit in it, what it says, and where that is in a report."""

    name: str
    meaning: str
    cell: Callable[[Report, Row], Cell]


def to_csv(reports: Sequence[Report]) -> str:
    """Return a heading and one line per row, those of one report together.

    What is not known is empty, yes and no are ``true`` and ``false``, and floats have all the
    digits that ``report.json`` has. A text that a spreadsheet would take for a formula has an
    apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in CSV_COLUMNS)
    for report in reports:
        for row in report.rows:
            writer.writerow(_written(column.cell(report, row)) for column in CSV_COLUMNS)
    return text.getvalue()


def _written(cell: Cell) -> Cell:
    if isinstance(cell, bool):
        return str(cell).lower()
    if not isinstance(cell, str):
        return cell
    # Some readers end a line at a carriage return, and the writer does not quote it.
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) else text


def _of_report(name: str, meaning: str, path: str) -> CsvColumn:
    return CsvColumn(name, meaning, lambda report, _: _found(report, path))


def _of_row(name: str, meaning: str, path: str | None = None) -> CsvColumn:
    """Return a column of what lies at ``path`` in a row, which has the column's name if none."""
    return CsvColumn(name, meaning, lambda _, row: _found(row, path or name))


def _found(part: Any, path: str) -> Cell:
    """Return what lies at ``path``, its steps joined by dots; nothing where a step is ``None``."""
    for step in path.split("."):
        if part is None:
            return None
        part = part[int(step)] if step.isdigit() else getattr(part, step)
    return cast("Cell", part)


def _bounds(name: str, unit: str, path: str) -> tuple[CsvColumn, CsvColumn]:
    """Return the lower and the upper end of the 95 % interval at ``path`` of a row."""
    return (
        _of_row(f"{name}_low{unit}", "Lower end of its 95 % interval.", f"{path}.0"),
        _of_row(f"{name}_high{unit}", "Upper end.", f"{path}.1"),
    )


def _percentile(name: str, meaning: str) -> tuple[CsvColumn, ...]:
    column = _of_row(f"{name}_ms", meaning, f"latency_ms.{name}")
    return (column, *_bounds(name, "_ms", f"latency_ms.{name}_ci95"))


def _of_throughput(name: str, meaning: str, field: str) -> CsvColumn:
    """Return a column of the number of streams with most images per second."""

    def cell(_: Report, row: Row) -> Cell:
        best = max(row.throughput, key=lambda t: t.fps, default=None)
        return _found(best, field)

    return CsvColumn(name, meaning, cell)


CSV_COLUMNS: tuple[CsvColumn, ...] = (
    _of_report("target", "Name of the recipe.", "target"),
    _of_report("device", "What the rows were measured on, or meant for.", "device"),
    _of_report("model", "File of the model as given.", "model.path"),
    _of_report("model_sha256", "Of that file.", "model.sha256"),
    _of_row("row", "Name of the row.", "name"),
    CsvColumn("ships", "Whether the verdict ships it.", lambda p, r: r.name == p.verdict.ship),
    _of_row("backend", "Runtime."),
    _of_row("precision", "fp32, fp16, bf16, int8 or mixed."),
    _of_row("input_height", "Of the network's input, pixels.", "input_hw.0"),
    _of_row("input_width", "Likewise.", "input_hw.1"),
    _of_row("status", "measured, simulated, estimated or not-run."),
    _of_row("reason", "What the status rests on."),
    _of_row("baseline", "Whether other rows of the runtime are compared with it."),
    _of_row("images", "How many scored it."),
    _of_row("map", "COCO mAP50-95, a fraction."),
    _of_row("map50", "At an IoU of 0.5."),
    _of_row("map75", "At an IoU of 0.75."),
    _of_row("map_small", "Of small objects."),
    _of_row("map_medium", "Of medium objects."),
    _of_row("map_large", "Of large objects."),
    _of_row("map_drop_points", "mAP lost against the baseline, in points of 100."),
    *_bounds("map_drop", "_points", "map_drop_ci95"),
    _of_row("agreement", "COCO AP against FP32's own detections, a fraction."),
    *(
        _of_row(f"ar{n}", f"COCO average recall, at most {n} an image.", f"recall.ar{n}")
        for n in (1, 10, 100)
    ),
    _of_row(
        "best_confidence", "Confidence where F1 is best, at an IoU of 0.5.", "detection.confidence"
    ),
    _of_row("best_precision", "Precision there.", "detection.precision"),
    _of_row("best_recall", "Recall there.", "detection.recall"),
    _of_row("best_f1", "F1 there.", "detection.f1"),
    *_percentile("p50", "Median of inference: letterboxed image to boxes before NMS."),
    *_percentile("p90", "90th percentile of the same."),
    *_percentile("p99", "99th percentile of the same."),
    _of_row(
        "p90_early_stopping_ms", "Upper bound by MLPerf's rule.", "latency_ms.p90_early_stopping"
    ),
    _of_row("runs", "Timed runs.", "latency_ms.runs"),
    _of_row("warmup_runs", "Runs before those.", "latency_ms.warmup_runs"),
    _of_row("threads", "Of the process.", "latency_ms.threads"),
    _of_row("pre_p50_ms", "Median of what comes before inference.", "latency_ms.pre_p50"),
    _of_row("post_p50_ms", "Median of what comes after.", "latency_ms.post_p50"),
    _of_row("load_ms", "Time to open the model.", "latency_ms.load_ms"),
    _of_row("cold_start_ms", "Time of the first image after that.", "latency_ms.cold_start_ms"),
    _of_row("fps", "Images per second from end to end, one at a time."),
    _of_row("speedup", "Median of paired ratios against the baseline."),
    *_bounds("speedup", "", "speedup_ci95"),
    _of_throughput("throughput_fps", "Most images per second, several at once.", "fps"),
    _of_throughput("throughput_streams", "How many at once that is.", "streams"),
    _of_row("energy_mj_per_frame", "Millijoules per image.", "energy.mj_per_frame"),
    _of_row("mean_power_w", "Watts meanwhile.", "energy.mean_w"),
    _of_row("size_bytes", "Of the model file."),
    _of_row("peak_memory_bytes", "Of the process."),
    _of_row("layers_int8", "Layers with weights that run in INT8.", "coverage.convs_int8"),
    _of_row("layers_float", "Those that run in float.", "coverage.convs_float"),
    _of_row("mac_share_int8", "Share of the work in INT8.", "coverage.mac_share_int8"),
    CsvColumn(
        "disturbed", "What disturbed the timing.", lambda _, r: "; ".join(r.disturbed) or None
    ),
    _of_row("estimate_ms", "Expected of inference where nobody ran it.", "estimate.ms"),
    _of_row(
        "estimate_low_ms", "Lower end of what holds 80 % of published times.", "estimate.low_ms"
    ),
    _of_row("estimate_high_ms", "Upper end.", "estimate.high_ms"),
    _of_report("created_utc", "When the report was made.", "provenance.created_utc"),
)
