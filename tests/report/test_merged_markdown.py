from __future__ import annotations

from edgekit.report.merged_markdown import to_merged_markdown


def test_every_row_of_every_run_is_there_with_its_device(report):
    other = report.model_copy(update={"device": "P|i"})
    lines = to_merged_markdown([report, other]).splitlines()

    assert lines[0] == "# 1 model, 2 devices, 1 target"
    assert lines[2].startswith("**Of 2 runs, 2 ship")
    assert sum(line.startswith("| int8 | ") and "P\\|i" in line for line in lines) == 1
    assert sum(line.startswith(("| fp32 |", "| trt |", "| openvino |")) for line in lines) == 6
    assert sum(line.startswith("- \\<b>model") for line in lines) == 2


def test_every_table_has_as_many_cells_in_each_line(report):
    tables = to_merged_markdown([report, report.model_copy(update={"device": "Pi"})]).split("\n\n")
    for table in (t.splitlines() for t in tables if t.startswith("| ")):
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1
