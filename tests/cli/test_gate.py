import json

import pytest

from edgekit.report.json_file import to_json
from edgekit.report.merged import to_merged_json
from tests.browser.made import made_report


@pytest.fixture(scope="module")
def report():
    return made_report()


@pytest.fixture
def path(report, tmp_path):
    (tmp_path / "report.json").write_text(to_json(report), encoding="utf-8")
    return tmp_path / "report.json"


def test_limits_that_are_kept_end_with_0_and_what_was_checked(edgekit, path):
    ended = edgekit("gate", path, "--max-map-drop", "0.8", "--max-p90-ms", "60")

    first, *checks = ended.stdout.splitlines()
    assert (ended.code, ended.stderr) == (0, "")
    assert first == "cpu on Example CPU, 2 cores: onnxruntime int8 640 #2, measured"
    assert [line[:24] for line in checks] == [
        "pass  --max-map-drop 0.8",
        "pass  --max-p90-ms 60: 3",
    ]


def test_a_limit_that_is_missed_ends_with_1_and_the_reason(edgekit, path):
    ended = edgekit("gate", path, "--max-map-drop", "0.8", "--max-p90-ms", "3")

    assert ended.code == 1
    assert "FAIL  --max-p90-ms 3: " in ended.stdout
    assert "400 runs: more than allowed." in ended.stdout
    assert ended.stderr.endswith("does not pass the gate: --max-p90-ms.\n")


def test_the_json_holds_every_check(edgekit, path, report):
    ended = edgekit("gate", path, "--max-p90-ms", "3", "--confident", "--json")

    result = json.loads(ended.stdout)
    (check,) = result["checks"]
    latency = report.row(report.verdict.ship).latency_ms
    assert (ended.code, result["passed"], result["row"]) == (1, False, report.verdict.ship)
    assert (check["figure"], check["allowed"]) == (latency.p90, 3.0)
    assert check["ci95"] == list(latency.p90_ci95)


def test_a_row_is_chosen_by_name(edgekit, path):
    ended = edgekit("gate", path, "--row", "onnxruntime mixed 640 #3", "--max-p90-ms", "900")

    assert ended.code == 0
    assert "note  the verdict ships onnxruntime int8 640 #2" in ended.stdout


def test_the_last_accepted_report_is_compared_with(edgekit, path, report, tmp_path):
    slower = [
        row.model_copy(update={"latency_ms": row.latency_ms.model_copy(update={"p90": 900.0})})
        for row in report.rows
    ]
    text = to_json(report.model_copy(update={"rows": tuple(slower)}))
    (tmp_path / "new.json").write_text(text, encoding="utf-8")

    same = edgekit("gate", path, "--baseline", path)
    ended = edgekit("gate", tmp_path / "new.json", "--baseline", path, "--max-slowdown", "1.2")

    assert (same.code, ended.code) == (0, 1)
    assert "FAIL  --max-slowdown 1.2: " in ended.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "none is given. Add --max-map-drop"),
        (["--max-p90-ms", "-1"], "--max-p90-ms -1: expected a number above 0"),
        (["--max-p90-ms", "3", "--row", "int8"], "Unknown row 'int8'"),
        (["--baseline", "gone.json"], "Cannot read the report gone.json"),
        (["--max-p90-ms", "fast"], "--max-p90-ms"),
    ],
)
def test_bad_input_ends_with_2_and_nothing_on_stdout(edgekit, path, flags, message):
    ended = edgekit("gate", path, *flags)

    assert (ended.code, ended.stdout) == (2, "")
    assert message in ended.stderr


def test_several_runs_are_gated_one_by_one(edgekit, path, report, tmp_path):
    other = report.model_copy(update={"device": "Example board"})
    (tmp_path / "merged.json").write_text(to_merged_json([report, other]), encoding="utf-8")

    ended = edgekit("gate", tmp_path / "merged.json", "--max-p90-ms", "60")

    assert (ended.code, ended.stdout) == (2, "")
    assert "merged.json holds 2 runs, and one is expected" in ended.stderr


def test_the_folder_of_a_run_stands_for_its_report(edgekit, path, tmp_path):
    by_folder = edgekit("gate", tmp_path, "--max-p90-ms", "60", "--baseline", tmp_path)

    assert by_folder == edgekit("gate", path, "--max-p90-ms", "60", "--baseline", path)
    assert by_folder.code == 0


def test_what_is_no_report_ends_with_2(edgekit, tmp_path):
    (tmp_path / "a.json").write_text('{"schema": 1}', encoding="utf-8")

    ended = edgekit("gate", tmp_path / "a.json", "--max-p90-ms", "30")

    assert (ended.code, ended.stdout) == (2, "")
    assert "is not a report of schema 1" in ended.stderr


def test_a_name_cannot_begin_a_line_of_its_own(edgekit, report, tmp_path):
    named = report.model_copy(update={"device": "CPU\n::error::owned\r::set-output"})
    (tmp_path / "report.json").write_text(to_json(named), encoding="utf-8")

    ended = edgekit("gate", tmp_path / "report.json", "--max-p90-ms", "900")

    assert ended.code == 0
    assert not any(line.startswith("::") for line in ended.stdout.splitlines())
