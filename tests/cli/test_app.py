import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import edgekit as package
from edgekit.cli.app import app

HEAVY = {
    "cv2",
    "numpy",
    "onnx",
    "onnx_ir",
    "onnxruntime",
    "onnxsim",
    "pydantic",
    "sklearn",
    "torch",
    "vl_convert",
}
COMMANDS = [
    "demo",
    "convert",
    "tune",
    "eval",
    "bench",
    "run",
    "inspect",
    "report",
    "gate",
    "calib make",
    "calib audit",
    "targets",
    "devices",
    "doctor",
]
PAGE = Path(__file__).parents[2] / "docs/reference/cli.md"


def commands(group=None, prefix=""):
    """Every command by what is typed for it, those of a group one by one."""
    found = {}
    for name, command in (group or get_command(app)).commands.items():
        inner = hasattr(command, "commands")
        found |= commands(command, f"{prefix}{name} ") if inner else {f"{prefix}{name}": command}
    return found


def page():
    """The reference of the command line, from the commands themselves."""
    lines = [
        "# Command line",
        "",
        "Results go to stdout, everything else to stderr.",
        "Exit codes:",
        "",
        "- 0: done",
        "- 1: a budget was missed; the artifact is written all the same",
        "- 2: bad input or configuration",
        "- 3: a package, driver or device is missing",
        "- 4: a stage failed",
        "",
        "`EDGEKIT_CACHE` names the folder of work in progress; the default is the user's cache.",
        "It keeps the 32 exports of models and the 32 calibrations used last, and those of a day;",
        "older ones are removed when one is added.",
    ]
    for name, command in commands().items():
        lines += ["", f"## edgekit {name}", "", command.help, ""]
        lines += ["| | |", "|---|---|"]
        for parameter in command.params:
            if parameter.name != "help":
                lines.append(
                    f"| `{spelling(parameter)}` | {parameter.help or ''}{note(parameter)} |"
                )
    return "\n".join(lines) + "\n"


def spelling(parameter):
    if parameter.param_type_name == "argument":
        return parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    if parameter.is_flag:
        return parameter.opts[0]
    return f"{parameter.opts[0]} {parameter.opts[0].strip('-').replace('-', '_').upper()}"


def note(parameter):
    if parameter.required:
        return " Needed."
    shown = parameter.default is not None and not getattr(parameter, "is_flag", False)
    return f" Default: {parameter.default}." if shown else ""


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from edgekit.cli import main\n"
        "try: main()\n"
        "finally: print('MODULES', *sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    shown, modules = done.stdout.split("MODULES")
    assert all(command.split()[0] in shown for command in COMMANDS)
    assert set(modules.split()) & HEAVY == set()
    assert len(modules.split()) < 400  # 330 now; how fast that is: benchmarks/convert_cost.py


def test_the_version_is_that_of_the_package(edgekit):
    assert edgekit("--version").stdout == f"edgekit {package.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_its_flags(edgekit, command):
    ended = edgekit(*command.split(), "--help")

    assert (ended.code, ended.stderr) == (0, "")
    assert command in ended.stdout
    assert all(p.help for p in commands()[command].params if p.name != "help")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["convrt"], "convert"),
        (["convert"], "model"),
        (["convert", "m.onnx"], "--target"),
        (["bench"], "models"),
        (["calib", "mke"], "make"),
        (["calib", "audit"], "source"),
        (["targets", "--jsn"], "--json"),
    ],
)
def test_a_mistyped_command_is_answered_with_what_is_meant(edgekit, arguments, named):
    ended = edgekit(*arguments)

    assert (ended.code, ended.stdout) == (2, "")
    assert named in ended.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_gives_json(command):
    flags = [flag for p in commands()[command].params for flag in p.opts]

    assert "--json" in flags


def test_the_reference_page_is_current(golden):
    golden("../../docs/reference/cli.md", page())
