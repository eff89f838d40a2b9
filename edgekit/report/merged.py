"""Several runs in one report: other models, devices or targets beside each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from edgekit.errors import ConfigError
from edgekit.report.cells import DASH, RUNTIMES, ms, points, signed_points, times
from edgekit.report.entries import model_names
from edgekit.report.json_file import read_report
from edgekit.report.parts import Part
from edgekit.report.schema import Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUN_HEADINGS = (
    "Model",
    "Target",
    "Device",
    "Ships",
    "Runtime",
    "mAP",
    "Loss (95 %)",
    "Agreement",
    "p50 ms",
    "p90 ms",
    "Speedup (95 %)",
)
RUN_WORDS = frozenset({0, 1, 2, 3, 4})  # columns that hold no figure


class Merged(Part):
    """``report.json`` of several runs: each as its own report has it."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    reports: tuple[Report, ...]

    @model_validator(mode="after")
    def _has_runs(self) -> Self:
        if not self.reports:
            raise ValueError("there are no reports in it")
        return self


def to_merged_json(reports: Sequence[Report]) -> str:
    """Return the reports as the text of one ``report.json``."""
    merged = Merged(reports=tuple(reports))
    return merged.model_dump_json(by_alias=True, indent=2) + "\n"


def read_runs(path: Path) -> tuple[Report, ...]:
    """Return the report or reports in the file ``path``.

    Raises:
        ConfigError: There is no such file, or it is no report of schema 1.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or "reports" not in found:
        return (read_report(path),)
    try:
        return Merged.model_validate(found).reports
    except ValidationError as err:
        first = err.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ConfigError(
            f"{path} is not a merged report of schema 1, at {key}: {first['msg']}. "
            "Run 'edgekit report' on the runs again."
        ) from err


def read_run(path: Path) -> Report:
    """Return the report of one run, from its file or from the folder it is in.

    Raises:
        ConfigError: There is none, or several runs are in it.
    """
    reports = read_runs(path / "report.json" if path.is_dir() else path)
    if len(reports) > 1:
        raise ConfigError(
            f"{path} holds {len(reports)} runs, and one is expected. "
            "Name the report.json of each run by itself."
        )
    return reports[0]


def headline(reports: Sequence[Report]) -> str:
    """Return what the runs come to, as a sentence."""
    lower = [r for r in reports if r.verdict.ship and r.row(r.verdict.ship).precision != "fp32"]
    plain = [r for r in reports if r.verdict.ship and r not in lower]
    rest = len(reports) - len(lower) - len(plain)
    counts = (
        (len(lower), "a precision lower than FP32"),
        (len(plain), "FP32"),
        (rest, "nothing yet"),
    )
    parts = [f"{n} ship{'s' if n == 1 else ''} {what}" for n, what in counts if n]
    return f"Of {len(reports)} run{'s' if len(reports) > 1 else ''}, {', '.join(parts)}."


def title_of(reports: Sequence[Report]) -> str:
    """Return how many models, devices and targets there are."""
    counts = {
        "model": len({r.model.sha256 for r in reports}),
        "device": len({r.device for r in reports}),
        "target": len({r.target for r in reports}),
    }
    return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for word, n in counts.items())


def doubts(reports: Sequence[Report]) -> tuple[str, ...]:
    """Return what keeps rows of different runs from being compared, one sentence each."""
    found = []
    images = {
        use.sha256 or use.source: use.source
        for report in reports
        for use in report.data
        if use.role == "evaluation"
    }
    if len(images) > 1:
        found.append(
            f"The runs were scored on {len(images)} different sets of images "
            f"({', '.join(dict.fromkeys(images.values()))}): mAP compares within a set only."
        )
    if len(reports) > 1:
        found.append(
            "Times of different runs were not taken in turn: a difference of some percent between "
            "two runs may be the machine's. Speedups are paired within each run."
        )
    return tuple(found)


def run_cells(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    """Return what a table says of each run, a cell for every heading."""
    models = model_names(reports)
    return [_cells(report, models[report.model.sha256]) for report in reports]


def _cells(report: Report, model: str) -> tuple[str, ...]:
    head = (model, report.target, report.device)
    if report.verdict.ship is None:
        candidate = report.verdict.candidate
        return (*head, f"nothing yet; to measure: {candidate}" if candidate else "nothing", *_NONE)
    row = report.row(report.verdict.ship)
    latency = row.latency_ms
    return (
        *head,
        row.name,
        RUNTIMES[row.backend],
        points(row.map),
        signed_points(row.map_drop_points, row.map_drop_ci95),
        points(row.agreement),
        ms(latency.p50 if latency else None),
        ms(latency.p90 if latency else None),
        times(row.speedup, row.speedup_ci95),
    )


def merged_json_schema() -> str:
    """Return the JSON Schema of a merged ``report.json``."""
    schema: dict[str, Any] = Merged.model_json_schema(by_alias=True, mode="serialization")
    return json.dumps(schema, indent=2) + "\n"


_NONE = (DASH,) * 7
