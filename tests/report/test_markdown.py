from __future__ import annotations

from edgekit.report.markdown import to_markdown


def test_the_markdown_is_what_it_was(report, golden):
    golden("report/report.md", to_markdown(report))


def test_every_line_of_a_table_has_the_same_cells(report):
    lines = to_markdown(report).replace("\\|", "").splitlines()
    widths = {line.count("|") for line in lines if line.startswith("| ")}

    assert len(widths) == 3  # one for each table
