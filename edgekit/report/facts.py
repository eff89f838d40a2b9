"""What surrounds the figures, as name and text: the model, the images, the origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.report.schema import Calibration, DataUse, Report


@dataclass(frozen=True)
class Fact:
    """One line of a list: what, and what it is."""

    name: str
    text: str


def model_facts(report: Report) -> tuple[Fact, ...]:
    """Return what the user's model is."""
    model = report.model
    return (
        Fact("file", model.path),
        Fact("sha256", model.sha256),
        Fact("family", model.family),
        Fact("classes", str(model.classes)),
        Fact("parameters", f"{model.params / 1e6:.2f} million"),
        Fact("multiply-accumulates", f"{model.macs / 1e9:.2f} billion per image"),
    )


def calibration_facts(report: Report) -> tuple[Fact, ...]:
    """Return which images were used, what was wrong with them, and how ranges were found."""
    facts = [Fact(f"{use.role} images", _data_use(use)) for use in report.data]
    if report.calibration is not None:
        found = report.calibration
        facts.append(Fact("ranges", f"{found.observer}, of {found.tensors} tensors"))
        facts.extend(_audit(found))
    return tuple(facts)


def provenance_facts(report: Report) -> tuple[Fact, ...]:
    """Return when, with which versions and on which machine the figures were made."""
    origin = report.provenance
    known = {name: value for name, value in origin.machine.items() if value is not None}
    machine = [_machine_fact(name, value) for name, value in known.items()]
    versions = ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    files = [Fact(f"sha256 of {name}", sha256) for name, sha256 in origin.model_files.items()]
    return (Fact("made", origin.created_utc), *files, *machine, Fact("versions", versions))


def _machine_fact(name: str, value: str | float | bool) -> Fact:
    words = name.removesuffix("_bytes").replace("_", " ")
    if isinstance(value, int) and name.endswith("_bytes"):
        return Fact(words, f"{value / 2**30:.1f} GiB")
    return Fact(words, f"{value:.4g}" if isinstance(value, float) else str(value))


def _audit(calibration: Calibration) -> list[Fact]:
    """Return what the audit of the calibration images found, whether there are enough first."""
    facts = [] if calibration.advice is None else [Fact("enough images", calibration.advice)]
    if calibration.curve:
        points = [f"{p.images}: {100 * p.difference:.1f} %" for p in calibration.curve]
        facts.append(Fact("ranges from fewer images differ by", ", ".join(points)))
    facts += [Fact("calibration audit", finding) for finding in calibration.findings]
    return facts


def _data_use(use: DataUse) -> str:
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(use.faults.items()))
    return f"{use.images} of {use.source}; faults: {faults or 'none'}"
