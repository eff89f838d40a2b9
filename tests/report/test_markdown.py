from __future__ import annotations

from edgekit.report.markdown import to_markdown
from edgekit.report.schema import Verdict


def test_the_markdown_is_what_it_was(report, golden):
    golden("report/report.md", to_markdown(report))


def test_every_line_of_a_table_has_the_same_cells(report):
    lines = to_markdown(report).replace("\\|", "").splitlines()
    tables = "\n".join(line if line.startswith("| ") else "" for line in lines).split("\n\n")
    widths = [{line.count("|") for line in t.split("\n") if line} for t in tables if t.strip()]

    assert len(widths) == 7
    assert all(len(of_table) == 1 for of_table in widths)


def test_names_make_no_heading_and_no_link(report, make_row):
    row = make_row("[ship](https://example.com)")
    known = {
        "device": "a board\n# of *mine*",
        "rows": (row,),
        "verdict": Verdict(ship=None, because="No."),
    }
    lines = to_markdown(report.model_copy(update=known)).splitlines()

    assert lines[0] == "# ort-cpu-int8 on a board # of \\*mine\\*"
    assert sum(line.startswith("| \\[ship](https") for line in lines) == 2
