"""What people copy into their own continuous integration: it parses, and its commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from edgekit.cli.app import app
from edgekit.report.json_file import to_json
from tests.browser.made import made_report

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / "examples" / "github-actions" / "detector.yml"
PAGE = ROOT / "docs" / "how-to" / "gate-in-ci.md"


def workflow():
    return yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))


def steps():
    return workflow()["jobs"]["gate"]["steps"]


def commands(script):
    """The edgekit command lines of a script, continued lines joined."""
    lines = script.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("edgekit ")]


def typed():
    scripts = [step.get("run", "") for step in steps()]
    blocks = re.findall(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [command for script in (*scripts, *blocks) for command in commands(script)]


@pytest.mark.parametrize("words", typed(), ids=" ".join)
def test_every_command_is_one_that_the_command_line_takes(words):
    name, *rest = words

    context = get_command(app).commands[name].make_context(name, rest)

    assert context.params


def test_the_workflow_converts_gates_and_shows_the_report():
    run = [command[0] for step in steps() for command in commands(step.get("run", ""))]
    used = [step["uses"].split("@")[0] for step in steps() if "uses" in step]

    assert run == ["convert", "gate", "gate"]
    assert "actions/upload-artifact" in used
    assert any("$GITHUB_STEP_SUMMARY" in step.get("run", "") for step in steps())


def test_what_is_gated_is_what_was_converted():
    convert, *gates = typed()[:3]
    out = convert[convert.index("--out") + 1]

    assert all(gate[1] == f"{out}/report.json" for gate in gates)


def test_the_report_is_shown_where_a_limit_is_missed_too():
    shown = [s for s in steps() if "SUMMARY" in s.get("run", "") or "upload" in s.get("uses", "")]

    assert len(shown) == 2
    assert all("!cancelled()" in step["if"] for step in shown)


def test_the_output_that_the_how_to_shows_is_what_is_printed(tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    words, printed = re.search(
        r"```\nedgekit (.*?)\n```\n\n```\n(.*?)```", page, re.DOTALL
    ).groups()
    path = tmp_path / "report.json"
    path.write_text(to_json(made_report(rows=3)), encoding="utf-8")
    line = words.replace("build/v8n/report.json", str(path))

    ended = CliRunner().invoke(app, shlex.split(line))

    assert (ended.exit_code, ended.stdout) == (1, printed)


def test_the_workflow_asks_for_no_more_than_to_read():
    assert workflow()["permissions"] == {"contents": "read"}


def test_every_page_that_the_how_to_names_is_there():
    links = re.findall(r"\]\((?!http)(.*?)\)", PAGE.read_text(encoding="utf-8"))

    assert links
    assert all((PAGE.parent / link).exists() for link in links)
