"""What holds for the whole project and no linter checks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "edgekit").rglob("*.py"))
HEAVY = {"cv2", "numpy", "onnx", "onnx_ir", "onnxruntime", "onnxsim", "torch", "vl_convert"}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
NOT_PINNED = {"tensorrt", "pycuda"}  # they come with the device's own system
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".html", ".css", ".js", ""}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def functions_of(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def mirror_of(path):
    inner = path.relative_to(ROOT / "edgekit")
    return ROOT / "tests" / inner.parent / f"test_{inner.name}"


def test_importing_edgekit_loads_nothing_heavy():
    code = "import sys, edgekit; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert set(done.stdout.split()) & HEAVY == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_file_and_no_function_is_too_long(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    # A command's flags are its signature, so the body is what counts.
    bodies = {f.name: f.end_lineno - f.body[0].lineno + 1 for f in functions_of(path)}
    long = {name for name, length in bodies.items() if length > MAX_FUNCTION_LINES}

    assert lines <= MAX_FILE_LINES
    assert long == set()


def test_every_source_with_code_has_a_test_file_in_the_same_place():
    tested = [p for p in SOURCES if functions_of(p)]

    assert [name_of(p) for p in tested if not mirror_of(p).exists()] == []


@pytest.mark.parametrize("folder", ["recipes", "devices", "calib", ".github"])
def test_every_yaml_file_parses(folder):
    files = [p for p in (ROOT / folder).rglob("*") if p.suffix in {".yaml", ".yml"}]

    assert files
    assert all(isinstance(yaml.safe_load(p.read_text(encoding="utf-8")), dict) for p in files)


def test_constraints_are_names_and_versions():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]

    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    assert pins == sorted(pins, key=lambda pin: pin.split("==")[0])


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(d for extra in extras for d in extra)]
    names = {re.match(r"[\w.-]+", d)[0].lower().replace("_", "-") for d in wanted}
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", pins, re.MULTILINE))

    assert names - pinned - NOT_PINNED - {"edgekit"} == set()


def test_no_tracked_file_names_a_path_of_one_machine():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    roots = "work|tmp|root|home|Users"
    path = re.compile(rf"(?<![\w.~{{}}$\])/-])/(?:{roots})/\w")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    texts = [f for f in files if f.is_file() and f.suffix in TEXT]

    found = [name_of(f) for f in texts if path.search(f.read_text(encoding="utf-8"))]

    assert found == []
