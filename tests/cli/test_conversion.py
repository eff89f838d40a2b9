import json
from pathlib import Path

import pytest
import typer

from edgekit.cli.conversion import exit_if_missed, print_conversion, refuse_unmeasured
from edgekit.errors import MissingError
from edgekit.pipeline.convert import Conversion
from edgekit.pipeline.options import ConvertOptions
from edgekit.report.schema import Report

OPTIONS = ConvertOptions("ort-cpu-int8", Path("there"))


@pytest.fixture
def result(out):
    return Conversion(Report.model_validate_json((out / "report.json").read_bytes()), ())


def test_the_table_ends_with_where_the_files_are(result, capsys):
    print_conversion(result, OPTIONS, as_json=False)

    printed = capsys.readouterr().out
    assert all(row.name in printed for row in result.report.rows)
    files = "artifact/, report.html, .md, .json and .csv, plots/."
    assert printed.endswith(f"Written to there: {files}\n")


def test_as_json_nothing_but_the_report_is_printed(result, capsys):
    print_conversion(result, OPTIONS, as_json=True)

    printed = capsys.readouterr().out
    assert json.loads(printed)["target"] == result.report.target


def test_only_a_missed_budget_ends_the_command(result, capsys):
    exit_if_missed(result, OPTIONS)
    with pytest.raises(typer.Exit) as ended:
        exit_if_missed(Conversion(result.report, ("is late", "loses much")), OPTIONS)

    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "edgekit: ort-cpu-int8 is late and loses much\n"


def test_one_row_that_was_not_measured_is_missing(result):
    one, *others = result.report.rows
    simulated = one.model_copy(update={"status": "simulated"})
    report = result.report.model_copy(update={"rows": (simulated, *others)})

    refuse_unmeasured(result, OPTIONS)
    with pytest.raises(MissingError, match=r"every row measured on .*Written to there all"):
        refuse_unmeasured(Conversion(report, ()), OPTIONS)
