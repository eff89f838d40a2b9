from __future__ import annotations

import json

import pytest

from edgekit.errors import ConfigError
from edgekit.report.json_file import to_json
from edgekit.report.merged import (
    RUN_HEADINGS,
    doubts,
    headline,
    merged_json_schema,
    read_run,
    read_runs,
    run_cells,
    title_of,
    to_merged_json,
)
from edgekit.report.schema import DataUse, Verdict


@pytest.fixture(scope="module")
def other(report):
    nothing = Verdict(ship=None, because="Nothing yet.", candidate="trt")
    data = (DataUse(role="evaluation", source="other images", images=9, sha256="9" * 64),)
    return report.model_copy(update={"device": "Pi", "verdict": nothing, "data": data})


def test_reports_come_back_as_they_were_alone_or_merged(report, other, tmp_path):
    alone, merged = tmp_path / "report.json", tmp_path / "merged.json"
    alone.write_text(to_json(report))
    merged.write_text(to_merged_json([report, other]))

    assert read_runs(alone) == (report,)
    assert read_runs(merged) == (report, other)


@pytest.mark.parametrize("text", ['{"reports": []}', '{"reports": [{"schema": 1}]}'])
def test_what_is_no_merged_report_is_refused(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)

    with pytest.raises(ConfigError, match="not a merged report of schema 1, at"):
        read_runs(path)


@pytest.mark.parametrize("text", ["[]", "no json", "{}", "[" * 100_000])
def test_what_is_no_report_at_all_is_refused(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)

    with pytest.raises(ConfigError, match="not a report of schema 1"):
        read_runs(path)


def test_one_run_is_read_from_its_file_or_folder_and_several_are_refused(report, other, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(to_merged_json([report]), encoding="utf-8")

    assert read_run(path) == read_run(tmp_path) == report
    path.write_text(to_merged_json([report, other]), encoding="utf-8")
    with pytest.raises(ConfigError, match="holds 2 runs, and one is expected"):
        read_run(path)


def test_the_headline_counts_what_ships(report, other):
    plain = report.model_copy(update={"verdict": Verdict(ship="fp32", because="Plain.")})

    assert headline([report, other, plain]) == (
        "Of 3 runs, 1 ships a precision lower than FP32, 1 ships FP32, 1 ships nothing yet."
    )
    assert headline([report]) == "Of 1 run, 1 ships a precision lower than FP32."
    assert title_of([report, other]) == "1 model, 2 devices, 1 target"


def test_a_run_is_a_line_of_what_ships(report, other):
    cells = dict(zip(RUN_HEADINGS, *run_cells([report]), strict=True))

    assert cells["Ships"] == "int8"
    assert cells["Loss (95 %)"] == "0.5 (−0.4 to 1.4)"
    assert cells["p50 ms"] == "37.4"
    assert run_cells([other])[0][3:5] == ("nothing yet; to measure: trt", "–")


def test_other_images_and_times_taken_apart_are_said(report, other):
    said = doubts([report, other])

    assert "2 different sets of images (val, other images)" in said[0]
    assert "were not taken in turn" in said[1]
    assert doubts([report]) == ()


def test_the_schema_asks_for_reports():
    schema = json.loads(merged_json_schema())

    assert schema["required"] == ["reports"]
