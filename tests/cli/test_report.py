from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from edgekit.cli.app import app

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
RUNS = [str(RESULTS / "demo.json"), str(RESULTS / "demo_cpu.json")]


def test_runs_are_merged_and_the_line_of_each_is_printed(tmp_path):
    result = CliRunner().invoke(app, ["report", *RUNS, "--out", str(tmp_path / "all")])

    assert result.exit_code == 0, result.output
    assert "Of 2 runs, 2 ship a precision lower than FP32." in result.stdout
    assert "ort-cpu-int8" in result.stdout
    assert (tmp_path / "all" / "report.html").is_file()


def test_json_holds_both_reports(tmp_path):
    out = ["--out", str(tmp_path / "all"), "--json"]
    result = CliRunner().invoke(app, ["report", *RUNS, *out])
    printed = json.loads(result.stdout)

    assert [r["target"] for r in printed["reports"]] == ["ort-cpu-int8", "cpu"]
    assert json.loads((tmp_path / "all" / "report.json").read_text()) == printed
