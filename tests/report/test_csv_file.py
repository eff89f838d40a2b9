from __future__ import annotations

import csv
import io
import json

import pytest

from edgekit.report.csv_file import CSV_COLUMNS, to_csv
from edgekit.report.estimated import Estimated
from edgekit.report.json_file import to_json
from tests.browser.made import made_report

SAME = ("backend", "precision", "status", "reason", "baseline", "images", "map", "map50", "map75")
SAME += ("map_small", "map_medium", "map_large", "agreement", "map_drop_points", "fps", "speedup")
SAME += ("size_bytes", "peak_memory_bytes")
OF_LATENCY = ("p50", "p90", "p99", "p90_early_stopping", "pre_p50", "post_p50")
PAGE = "../../docs/reference/report-csv.md"


def lines_of(*reports):
    return list(csv.DictReader(io.StringIO(to_csv(reports))))


def expected(run, row):
    """What the columns say of ``row``, looked up in report.json one by one."""
    latency, energy = row["latency_ms"] or {}, row["energy"] or {}
    best = max(row["throughput"], key=lambda t: t["fps"]) if row["throughput"] else {}
    point, recall = row["detection"] or {}, row["recall"] or {}
    covered, estimate = row["coverage"] or {}, row["estimate"] or {}
    return {
        "target": run["target"],
        "device": run["device"],
        "model": run["model"]["path"],
        "model_sha256": run["model"]["sha256"],
        "row": row["name"],
        "ships": row["name"] == run["verdict"]["ship"],
        "input_height": row["input_hw"][0],
        "input_width": row["input_hw"][1],
        **{name: row[name] for name in SAME},
        **{f"{name}_ms": latency.get(name) for name in OF_LATENCY},
        **{name: latency.get(name) for name in ("runs", "warmup_runs", "threads")},
        **{name: latency.get(name) for name in ("load_ms", "cold_start_ms")},
        **ends("map_drop", "_points", row["map_drop_ci95"]),
        **ends("p50", "_ms", latency.get("p50_ci95")),
        **ends("p90", "_ms", latency.get("p90_ci95")),
        **ends("p99", "_ms", latency.get("p99_ci95")),
        **ends("speedup", "", row["speedup_ci95"]),
        **{f"best_{name}": point.get(name) for name in ("confidence", "precision", "recall", "f1")},
        **{name: recall.get(name) for name in ("ar1", "ar10", "ar100")},
        "throughput_fps": best.get("fps"),
        "throughput_streams": best.get("streams"),
        "energy_mj_per_frame": energy.get("mj_per_frame"),
        "mean_power_w": energy.get("mean_w"),
        "layers_int8": covered.get("convs_int8"),
        "layers_float": covered.get("convs_float"),
        "mac_share_int8": covered.get("mac_share_int8"),
        "disturbed": "; ".join(row["disturbed"]) or None,
        **{f"estimate_{name}": estimate.get(name) for name in ("ms", "low_ms", "high_ms")},
        "created_utc": run["provenance"]["created_utc"],
    }


def ends(name, unit, interval):
    low, high = interval or (None, None)
    return {f"{name}_low{unit}": low, f"{name}_high{unit}": high}


def text(value):
    """How the file spells a value of report.json."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("seed", range(3))
def test_every_value_is_that_of_report_json(report, seed):
    reports = (report, made_report(rows=9, seed=seed))
    runs = [json.loads(to_json(r)) for r in reports]

    lines = lines_of(*reports)

    wanted = [expected(run, row) for run in runs for row in run["rows"]]
    assert lines == [{k: text(v) for k, v in want.items()} for want in wanted]


def test_every_name_is_there_once_and_says_its_unit():
    names = [column.name for column in CSV_COLUMNS]

    assert len(set(names)) == len(names)
    assert all(name.islower() and name.isidentifier() for name in names)


def test_a_disturbed_timing_is_told_in_one_cell(report, make_row):
    row = make_row("int8", "int8", p50=3.0, disturbed=("load of 5.1, on 2 cores", 'clock "down"'))
    told = report.model_copy(update={"rows": (row,)})

    (line,) = lines_of(told)

    assert line["disturbed"] == 'load of 5.1, on 2 cores; clock "down"'


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\n"])
def test_no_name_is_a_formula_in_a_spreadsheet(report, make_row, first):
    row = make_row(f"{first}1+cmd|'x'!A0", map_drop_points=-0.5)
    (line,) = lines_of(report.model_copy(update={"rows": (row,)}))

    assert line["row"] == f"'{row.name}"
    assert line["map_drop_points"] == "-0.5"


def test_a_name_of_several_lines_stays_in_its_cell(report, make_row):
    row = make_row('one\r\ntwo\rthree, "four"')
    (line,) = lines_of(report.model_copy(update={"rows": (row,)}))

    assert line["row"] == 'one\ntwo\nthree, "four"'


def test_what_is_estimated_has_columns_of_its_own(report, make_row):
    estimate = Estimated(
        ms=4.5,
        low_ms=3,
        high_ms=6,
        bound="memory",
        compute_share=0.2,
        memory_share=0.7,
        overhead_share=0.1,
        basis="Fitted.",
    )
    row = make_row("board", status="estimated", reason="nobody ran it", estimate=estimate)
    (line,) = lines_of(report.model_copy(update={"rows": (row,)}))

    assert (line["estimate_ms"], line["estimate_low_ms"]) == ("4.5", "3.0")
    assert line["estimate_high_ms"] == "6.0"
    assert line["p50_ms"] == ""


def test_the_file_is_what_it_was(report, golden):
    golden("report/report.csv", to_csv([report]))


def test_the_reference_page_is_current(golden):
    lines = [
        "# report.csv",
        "",
        "One line per row of the report, as a data frame or a spreadsheet takes it.",
        "What is not known is empty; yes and no are `true` and `false`.",
        "The values are those of `report.json`, with all their digits.",
        "A text that a spreadsheet would take for a formula has an apostrophe before it.",
        "",
        "| Column | What it says |",
        "|---|---|",
        *(f"| `{column.name}` | {column.meaning} |" for column in CSV_COLUMNS),
    ]

    golden(PAGE, "\n".join(lines) + "\n")
