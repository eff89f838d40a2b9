import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgekit
from edgekit.config.calibration import find_calibration, list_calibrations
from edgekit.config.device import find_device, list_devices
from edgekit.config.files import find, folder, names
from edgekit.config.recipe import find_recipe, list_recipes
from edgekit.errors import ConfigError, UnknownNameError


def test_every_shipped_file_fits_its_schema_and_every_name_it_uses_exists():
    assert {"ort-cpu-fp32", "ort-cpu-int8"} <= set(list_recipes())
    assert {"host", "generic-x86-avx2", "generic-x86-vnni"} <= set(list_devices())
    assert "coco" in list_calibrations()
    for name in list_recipes():
        find_device(find_recipe(name).device)
    for name in list_devices():
        find_device(name)
    for name in list_calibrations():
        find_calibration(name)


def test_a_file_is_found_by_name_and_by_path(tmp_path):
    copy = shutil.copy(folder("recipe") / "ort-cpu-fp32.yaml", tmp_path / "own.yaml")

    by_name, by_path = find("recipe", "ort-cpu-fp32"), find("recipe", str(copy))

    assert by_name.content == by_path.content
    assert (by_name.shipped, by_path.shipped) == (True, False)


def test_an_unknown_name_is_an_error_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'ort-cpu-int8'"):
        find("recipe", "ort-cpu-in8")


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", r"own\.yaml is not YAML.*line"), ("- a", "expected keys and values, found list")],
)
def test_a_file_that_is_no_mapping_is_an_error_with_its_path(tmp_path, text, message):
    (tmp_path / "own.yaml").write_text(text)

    with pytest.raises(ConfigError, match=f"(?s){message}"):
        find("recipe", str(tmp_path / "own.yaml"))


def test_a_path_that_does_not_exist_is_an_error_with_the_reason(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot read .*No such file"):
        find("device", str(tmp_path / "gone.yaml"))


def test_shipped_files_are_found_inside_an_installed_package(tmp_path):
    source = Path(edgekit.__file__).parent
    shutil.copytree(source, tmp_path / "edgekit", ignore=shutil.ignore_patterns("__pycache__"))
    for kind in ("recipe", "device", "calibration"):
        shutil.copytree(folder(kind), tmp_path / "edgekit" / folder(kind).name)
    script = "import edgekit.config.files as f; print(f.folder('recipe'), *f.names('device'))"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}

    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.split() == [str(tmp_path / "edgekit" / "recipes"), *names("device")]
