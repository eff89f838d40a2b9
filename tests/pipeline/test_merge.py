from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.errors import ConfigError
from edgekit.pipeline.merge import merge

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.fixture
def runs(tmp_path):
    """Two folders of runs."""
    for name in ("demo", "demo_cpu"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "report.json").write_bytes((RESULTS / f"{name}.json").read_bytes())
    return tmp_path / "demo", tmp_path / "demo_cpu"


def test_runs_become_one_report_and_stay_as_they_were(runs, tmp_path):
    before = [(run / "report.json").read_bytes() for run in runs]

    reports = merge(runs, tmp_path / "all")

    files = sorted(p.name for p in (tmp_path / "all").iterdir())
    assert files == ["plots", "report.csv", "report.html", "report.json", "report.md"]
    assert [r.target for r in reports] == ["ort-cpu-int8", "cpu"]
    assert [(run / "report.json").read_bytes() for run in runs] == before


def test_a_run_that_is_named_twice_counts_once(runs, tmp_path):
    merge(runs, tmp_path / "all")

    again = merge([tmp_path / "all", runs[0], runs[0] / "report.json"], tmp_path / "more")

    assert len(again) == 2


def test_a_run_is_never_replaced_by_the_whole(runs):
    with pytest.raises(ConfigError, match="is or holds one of the runs"):
        merge(runs, runs[0])
    with pytest.raises(ConfigError, match="is or holds one of the runs"):
        merge([runs[0] / "report.json", runs[1]], runs[0])

    assert (runs[0] / "report.json").is_file()


def test_a_folder_without_a_report_is_named(tmp_path, runs):
    empty = tmp_path / "empty"
    empty.mkdir()

    with pytest.raises(ConfigError, match=r"empty: expected the folder of a run"):
        merge([*runs, empty], tmp_path / "all")
    assert not (tmp_path / "all").exists()
