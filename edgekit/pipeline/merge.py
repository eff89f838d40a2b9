"""Several finished runs in one report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.errors import ConfigError
from edgekit.pipeline.folder import whole_folder
from edgekit.report.merged import read_runs
from edgekit.report.write import write_merged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgekit.report.schema import Report


def merge(paths: Sequence[Path], out: Path) -> tuple[Report, ...]:
    """Return the reports of ``paths``, each once, written as one report into the folder ``out``.

    Args:
        paths: Folders that a conversion or a merge wrote, or their report.json.
        out: Takes report.html, .md, .json, .csv and plots.

    Raises:
        ConfigError: A path holds no report, or ``out`` cannot be written, or is or holds one of
            the runs.
    """
    runs = [path.resolve() for path in paths]
    if any(out.resolve() in (run, run.parent) for run in runs):
        raise ConfigError(
            f"--out {out} is or holds one of the runs to merge, and would be replaced. "
            "Choose another --out."
        )
    found = [report for path in paths for report in read_runs(_report_of(path))]
    reports = tuple(r for n, r in enumerate(found) if r not in found[:n])
    with whole_folder(out) as folder:
        write_merged(reports, folder)
    return reports


def _report_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    report = path / "report.json"
    if not report.is_file():
        raise ConfigError(
            f"{path}: expected the folder of a run, with report.json, found none. "
            "Name folders that 'edgekit convert --out' wrote."
        )
    return report
