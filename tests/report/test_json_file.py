from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgekit.errors import ConfigError
from edgekit.report.json_file import json_schema, read_report, to_json

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "reference" / "schemas" / "report.json"

ROW_KEYS = [
    "name",
    "backend",
    "precision",
    "input_hw",
    "status",
    "reason",
    "baseline",
    "map",
    "map50",
    "map75",
    "map_small",
    "map_medium",
    "map_large",
    "agreement",
    "images",
    "detection",
    "map_drop_points",
    "map_drop_ci95",
    "latency_ms",
    "fps",
    "speedup",
    "speedup_ci95",
    "size_bytes",
    "peak_memory_bytes",
]


def test_a_report_comes_back_from_its_json(report, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(to_json(report), encoding="utf-8")

    assert read_report(path) == report


def test_the_keys_other_tools_read_are_there(report):
    written = json.loads(to_json(report))

    assert written["schema"] == 1
    assert set(written) >= {"target", "device", "model", "rows", "verdict", "provenance"}
    assert set(written["model"]) == {"path", "sha256", "family", "classes", "params", "macs"}
    assert all(set(row) >= set(ROW_KEYS) for row in written["rows"])
    latency = written["rows"][0]["latency_ms"]
    assert set(latency) >= {"p50", "p90", "p99", "runs", "pre_p50", "post_p50"}
    assert set(written["rows"][0]["detection"]) == {"confidence", "precision", "recall", "f1"}
    assert written["rows"][3]["map"] is None
    assert set(written["verdict"]) >= {"ship", "because"}


def test_the_json_is_what_it_was(report, golden):
    golden("report/report.json", to_json(report))


def test_the_published_schema_is_current(request):
    if request.config.getoption("--update-golden"):
        SCHEMA_FILE.parent.mkdir(parents=True, exist_ok=True)
        SCHEMA_FILE.write_text(json_schema(), encoding="utf-8", newline="\n")

    assert SCHEMA_FILE.read_text(encoding="utf-8") == json_schema()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "the whole file"),
        ('{"schema": 2}', "schema"),
        ('{"schema": 1, "target": "t"}', "device"),
    ],
)
def test_what_is_no_report_is_refused_with_the_place(tmp_path, text, message):
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=message):
        read_report(path)


def test_a_missing_report_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.json.*No such file"):
        read_report(tmp_path / "nowhere.json")
