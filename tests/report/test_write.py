from __future__ import annotations

from edgekit.report.csv_file import to_csv
from edgekit.report.json_file import read_report
from edgekit.report.write import write_report


def test_four_files_tell_the_same_report(report, tmp_path):
    paths = write_report(report, None, tmp_path)

    assert [p.name for p in paths] == ["report.html", "report.md", "report.json", "report.csv"]
    assert read_report(tmp_path / "report.json") == report
    assert (tmp_path / "report.csv").read_text(encoding="utf-8") == to_csv([report])
    for path in paths[:2]:
        text = path.read_text(encoding="utf-8").replace("\\", "")
        assert report.verdict.because in text
