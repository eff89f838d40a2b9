import ast
import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from edgekit.backends.tensorrt import bundle as module
from edgekit.backends.tensorrt.bundle import Extra, Inputs, write
from edgekit.errors import ConfigError

WEAK, STRONG = b"weak", b"strong"
ON_DEVICE = sorted((Path(module.__file__).parent / "on_device").glob("*.py"))


def test_every_file_is_listed_with_its_checksum(tmp_path):
    sums = write(tmp_path, {"int8": {"weak": WEAK, "strong": STRONG}})

    manifest = json.loads((tmp_path / "bundle.json").read_text())
    there = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert there == {*sums, "bundle.json"}
    assert {"measure.py", "versions.json", "on_device/main.py"} < there
    for name, listed in manifest["files"].items():
        content = (tmp_path / name).read_bytes()
        assert listed == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_equal_models_are_stored_once(tmp_path):
    models = {"fp16": {"weak": WEAK, "strong": STRONG}, "fp32": {"weak": WEAK, "strong": WEAK}}

    write(tmp_path, models)

    named = json.loads((tmp_path / "bundle.json").read_text())["models"]
    assert named["fp32"] == {"weak": "models/fp16-weak.onnx", "strong": "models/fp16-weak.onnx"}
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == [
        "fp16-strong.onnx",
        "fp16-weak.onnx",
    ]


def test_inputs_and_further_files_go_along(tmp_path):
    extra = Extra({"classes": 2}, {"ranges.json": b"{}"}, Inputs("images", {"a": b"\1\2"}))

    write(tmp_path, {"int8": {"weak": WEAK}}, extra)

    manifest = json.loads((tmp_path / "bundle.json").read_text())
    assert manifest["inputs"] == {"name": "images", "files": ["inputs/a.bin"]}
    assert manifest["model"] == {"classes": 2}
    assert (tmp_path / "ranges.json").read_bytes() == b"{}"


@pytest.mark.parametrize("name", ["measure.py", "bundle.json", "cache/x", "models/int8-weak.onnx"])
def test_a_further_file_may_not_take_the_place_of_the_bundles_own(tmp_path, name):
    with pytest.raises(ConfigError, match="of the bundle's own"):
        write(tmp_path, {"int8": {"weak": WEAK}}, Extra(files={name: b""}))


def test_a_bundle_without_models_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="found none"):
        write(tmp_path, {})


@pytest.mark.parametrize("path", ON_DEVICE, ids=lambda path: path.name)
def test_what_runs_on_the_board_is_python_3_8_and_its_standard_library(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))

    ours = {p.stem for p in ON_DEVICE}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = {node.module}
        else:
            assert not isinstance(node, ast.ImportFrom) or (node.level == 1 and node.module in ours)
            continue
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_launcher_is_syntax_that_any_python_3_reads():
    ast.parse(module._LAUNCHER, feature_version=(3, 4))
    compile(module._LAUNCHER, "measure.py", "exec")


def test_edgekit_uses_nothing_of_the_board_but_its_readings():
    root = Path(module.__file__).parents[2]
    sources = [p for p in root.rglob("*.py") if p not in ON_DEVICE]

    used = re.compile(r"^ *from edgekit\S*on_device(?!\.readings import)", re.MULTILINE)
    assert [p for p in sources if used.search(p.read_text(encoding="utf-8"))] == []
