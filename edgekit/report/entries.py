"""Rows as pages and charts show them: each with the run it is from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgekit.report.cells import RUNTIMES
from edgekit.report.trials import rows_by_speed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgekit.report.schema import Report, Row

_FACETS = {
    "model": "Model",
    "device": "Device",
    "target": "Target",
    "runtime": "Runtime",
    "precision": "Precision",
    "status": "Status",
}


@dataclass(frozen=True)
class Entry:
    """A row of one of the runs on a page.

    Attributes:
        key: Its place among all rows of the page.
        label: What a chart calls it: short, and unlike every other's.
        model: What the model is called on this page.
    """

    key: int
    report: Report
    row: Row
    label: str
    model: str

    @property
    def shipped(self) -> bool:
        """Whether the verdict of its run ships it."""
        return self.row.name == self.report.verdict.ship


def entries_of(reports: Sequence[Report]) -> tuple[Entry, ...]:
    """Return the rows of all ``reports``, those of one run together."""
    rows = [(report, row) for report in reports for row in rows_by_speed(report)]
    models = model_names(reports)
    plain = [
        Entry(key, report, row, row.name, models[report.model.sha256])
        for key, (report, row) in enumerate(rows)
    ]
    several = {
        "model": len({r.model.sha256 for r in reports}) > 1,
        "target": len({(r.model.sha256, r.device) for r in reports}) < len(reports),
        "device": len({r.device for r in reports}) > 1,
    }
    seen: Counter[str] = Counter()
    return tuple(replace(e, label=_once(_label(e, several), seen)) for e in plain)


def model_names(reports: Sequence[Report]) -> dict[str, str]:
    """Return what the model of each sha256 is called: its file name without the ending.

    Where several files share a name, as many of the folders they lie in stand before it as tell
    them apart; where folders do not, the sha256 stands behind it.
    """
    paths = {r.model.sha256: r.model.path.replace("\\", "/").split("/") for r in reports}
    for depth in range(1, max(map(len, paths.values())) + 1):
        names = {
            sha256: "/".join([*parts[-depth:-1], parts[-1].rsplit(".", 1)[0]])
            for sha256, parts in paths.items()
        }
        if len(set(names.values())) == len(names):
            return names
    return {sha256: f"{name} ({sha256[:8]})" for sha256, name in names.items()}


def _label(entry: Entry, several: dict[str, bool]) -> str:
    words = [entry.model] if several["model"] else []
    words += [entry.row.name]
    words += [f"({entry.report.target})"] if several["target"] else []
    words += [f"on {entry.report.device}"] if several["device"] else []
    return " ".join(words)


def _once(label: str, seen: Counter[str]) -> str:
    """Return ``label``, numbered from the second time on."""
    seen[label] += 1
    return label if seen[label] == 1 else _once(f"{label} #{seen[label]}", seen)


@dataclass(frozen=True)
class EntryColumn:
    """A column that says which run a row is from."""

    title: str
    text: Callable[[Entry], str]


LEAD_COLUMNS = (
    EntryColumn("Model", lambda e: e.model),
    EntryColumn("Device", lambda e: e.report.device),
    EntryColumn("Target", lambda e: e.report.target),
)


@dataclass(frozen=True)
class Facet:
    """What rows can be filtered by.

    Attributes:
        key: Of ``row_facets``.
        name: As people read it.
        values: Those that rows have, in their order.
    """

    key: str
    name: str
    values: tuple[str, ...]


def facets_of(entries: Sequence[Entry]) -> tuple[Facet, ...]:
    """Return what there are several of among ``entries``."""
    facets, rows = [], row_facets(entries)
    for key, heading in _FACETS.items():
        values = tuple(dict.fromkeys(row[key] for row in rows))
        if len(values) > 1:
            facets.append(Facet(key, heading, values))
    return tuple(facets)


def row_facets(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return of every row its key and what it can be filtered by."""
    return [
        {
            "key": e.key,
            "model": e.model,
            "device": e.report.device,
            "target": e.report.target,
            "runtime": RUNTIMES[e.row.backend],
            "precision": e.row.precision,
            "status": e.row.status,
        }
        for e in entries
    ]
