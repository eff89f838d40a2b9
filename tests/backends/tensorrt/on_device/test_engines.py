import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgekit.backends.tensorrt.on_device import files
from edgekit.backends.tensorrt.on_device.engines import Place, engine_of
from edgekit.backends.tensorrt.on_device.problems import Problem
from edgekit.backends.tensorrt.on_device.program import Program
from edgekit.backends.tensorrt.trtexec import commands
from edgekit.backends.tensorrt.versions import entry_of
from tests.backends.tensorrt.boards import QDQ, put_trtexec

DEVICE = {"name": "Orin", "compute_capability": "8.7", "sms": 8}
BUILD = list(commands(entry_of("10.3"), "int8").build)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "int8.onnx").write_bytes(QDQ["weak"])
    program = Program(str(put_trtexec(tmp_path, "10.3")), "10.3.0", "26", DEVICE)
    system = {"model": "NVIDIA Jetson Orin Nano (Super)", "l4t": "36.4.3"}
    return Place(tmp_path, program, system, "MAXN", None, rebuild=False)


def build(place):
    return engine_of(place, "int8", "int8.onnx", BUILD)


def edit(path, change):
    kept = json.loads(path.read_text())
    change(kept)
    path.write_text(json.dumps(kept))


def test_engines_lie_under_device_capability_tensorrt_and_power_mode(place):
    keys = {
        place.key,
        place._replace(power_mode="15W").key,
        place._replace(program=place.program._replace(version="10.3.1")).key,
        place._replace(program=place.program._replace(device={**DEVICE, "name": "x"})).key,
        place._replace(program=place.program._replace(device={"compute_capability": "7.2"})).key,
    }

    assert place.key == "NVIDIA-Jetson-Orin-Nano-Super_cc8.7_trt10.3.0.b26_MAXN"
    assert len(keys) == 4  # a board that tells its model is told by that, not by its GPU
    assert place._replace(system={"model": None}, power_mode=None).key == (
        "Orin_cc8.7_trt10.3.0.b26_no-power-mode"
    )


def test_an_engine_is_built_once_with_a_sidecar_of_what_it_is(place):
    built = build(place)

    assert not built["reused"]
    assert build(place) == {**built, "reused": True}
    sidecar = json.loads((place.cache / (built["path"].split("/")[-1] + ".json")).read_text())
    assert sidecar["made_of"]["power_mode"] == "MAXN"
    assert sidecar["made_of"]["tensorrt"] == "10.3.0.b26"
    assert (place.cache / "timing.cache").exists()


def test_an_engine_of_another_board_is_refused_with_what_differs(place):
    sidecar = place.cache / (build(place)["path"].split("/")[-1] + ".json")
    edit(sidecar, lambda kept: kept["made_of"].update(l4t="35.4.1", power_mode="15W"))

    with pytest.raises(Problem, match=r"built with 35\.4\.1, here 36\.4\.3; power") as refused:
        build(place)

    assert str(refused.value).endswith("To build it anew: --rebuild.")
    assert not build(place._replace(rebuild=True))["reused"]
    assert build(place)["reused"]


def test_an_engine_that_was_changed_or_came_alone_is_refused(place):
    built = build(place)
    engine = Path(built["path"])
    engine.write_bytes(engine.read_bytes() + b" ")
    with pytest.raises(Problem, match="changed since it was built"):
        build(place)

    (place.cache / (built["path"].split("/")[-1] + ".json")).unlink()
    with pytest.raises(Problem, match="no sidecar"):
        build(place)


def test_another_model_is_another_engine(place):
    first = build(place)
    (place.folder / "int8.onnx").write_bytes(QDQ["weak"] + b" more")

    assert build(place)["path"] != first["path"]


def test_a_build_that_fails_leaves_no_engine_and_no_part(place):
    with pytest.raises(Problem, match="Int8 precision"):
        engine_of(place, "int8", "int8.onnx", [word for word in BUILD if word != "--int8"])

    assert [p.name for p in place.cache.iterdir()] == []


def test_a_full_disk_is_told_before_and_while_it_is_built(place, monkeypatch):
    monkeypatch.setenv("STAND_IN_FULL_DISK", "1")
    with pytest.raises(Problem, match=r"No space left on device\. Free some space first"):
        build(place)

    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    with pytest.raises(Problem, match=r"An engine needs about 64 MiB .* 1 MiB left"):
        build(place)
