import importlib.util
import json
import sys
from dataclasses import asdict, replace

import pytest

from edgekit.backends import openvino_devices as module
from edgekit.backends.openvino_devices import (
    OpenVinoDevice,
    OpenVinoHere,
    absence,
    capabilities_of,
    openvino_devices,
    probe_openvino,
    tell,
)
from edgekit.backends.openvino_drivers import LIBRARIES, System
from edgekit.errors import ConfigError, MissingError, MissingExtraError

CPU = OpenVinoDevice("CPU", "Intel(R) N100", ("FP32", "INT8", "BIN"))
ALONE = OpenVinoHere((CPU,), {"GPU": "no plugin", "NPU": ""}, LIBRARIES)
TWO_GPUS = OpenVinoHere(
    (CPU, OpenVinoDevice("GPU.0", "iGPU", ("FP16",)), OpenVinoDevice("GPU.1", "dGPU", ())),
    {},
    LIBRARIES,
)


@pytest.fixture(autouse=True)
def asked_anew():
    """Forget what another test was answered, and what this one is."""
    probe_openvino.cache_clear()
    yield
    probe_openvino.cache_clear()


@pytest.fixture(scope="module")
def here():
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed")
    return probe_openvino()


@pytest.mark.openvino
def test_the_cpu_is_asked_without_the_drivers_of_others(here, monkeypatch):
    monkeypatch.setattr(module, "_ask", lambda code: pytest.fail("asked apart"))

    assert "INT8" in capabilities_of("CPU")
    assert set(capabilities_of("CPU")) == set(here.devices[0].capabilities)


def test_another_device_is_asked_apart(monkeypatch):
    monkeypatch.setattr(module, "_ask", lambda code: TWO_GPUS)

    assert capabilities_of("GPU") == ("FP16",)


@pytest.mark.openvino
def test_the_processor_is_found_with_its_name_and_precisions(here):
    cpu = next(device for device in here.devices if device.name == "CPU")

    assert cpu.full_name
    assert {"FP32", "INT8"} <= set(cpu.precisions) <= set(cpu.capabilities)
    assert absence("CPU", here) is None


@pytest.mark.openvino
def test_each_processor_is_found_or_its_absence_has_a_reason(here):
    found = {device.name.partition(".")[0] for device in here.devices}

    for name in ("CPU", "GPU", "NPU"):
        reason = absence(name, here)

        assert (reason is None) == (name in found)
        assert reason is None or reason.startswith(f"OpenVINO finds no {name} here: ")


@pytest.mark.openvino
def test_the_devices_are_those_of_the_probe(here):
    assert openvino_devices() == here.devices


@pytest.mark.openvino
@pytest.mark.usefixtures("here")
def test_asking_loads_nothing_of_openvino_into_this_process():
    code = (
        "import sys; from edgekit.backends.openvino_devices import probe_openvino; "
        "probe_openvino(); print('{\"here\": %d}' % ('openvino' in sys.modules))"
    )

    assert module.ask_apart(code, "it", 60) == {"here": 0}


def test_precisions_are_number_formats_alone():
    device = OpenVinoDevice("CPU", "x", ("WINOGRAD", "INT8", "EXPORT_IMPORT", "FP32", "BF16"))

    assert device.precisions == ("BF16", "FP32", "INT8")


def test_what_the_process_tells_is_what_is_returned():
    told = json.dumps(asdict(TWO_GPUS))

    assert module._ask(f"print({told!r})") == TWO_GPUS


def test_without_openvino_the_package_to_install_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "openvino", None)

    tell()
    told = capsys.readouterr().out.strip()

    with pytest.raises(MissingExtraError, match=r"pip install 'edgekit\[openvino\]'"):
        module._ask(f"print({told!r})")


@pytest.mark.parametrize("device", ["CPU", "GPU", "NPU"])
def test_without_an_answer_every_device_is_absent_for_that_reason(monkeypatch, device):
    def silent(code):
        raise MissingError("a driver ended the process")

    monkeypatch.setattr(module, "_ask", silent)

    assert absence(device) == "a driver ended the process"


@pytest.mark.parametrize("device", ["GPU", "GPU.0", "GPU.1", "CPU", "CPU.0"])
def test_a_device_that_is_found_is_not_absent(device):
    assert absence(device, TWO_GPUS) is None


def test_a_further_device_than_there_are_is_absent():
    assert absence("GPU.2", TWO_GPUS) == (
        "OpenVINO finds no GPU.2 here: expected one of GPU.0, GPU.1"
    )


@pytest.mark.parametrize(
    ("device", "told"), [("GPU", "/dev/dri/renderD"), ("NPU", "/dev/accel/accel")]
)
def test_what_the_system_lacks_is_told(tmp_path, device, told):
    assert told in absence(device, ALONE, System(tmp_path))


def test_where_nothing_shows_what_openvino_says_is_told(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "win32")

    assert absence("GPU", ALONE).startswith("OpenVINO finds no GPU here: it says no plugin. See ")
    assert "it says nothing more" in absence("NPU", ALONE)
    assert absence("CPU", replace(ALONE, devices=())).startswith("OpenVINO finds no CPU here")


@pytest.mark.parametrize("device", ["TPU", "cpu", "GPU.x", "GPU.", "AUTO"])
def test_a_device_that_does_not_exist_names_those_known_and_those_here(device):
    with pytest.raises(ConfigError) as caught:
        absence(device, TWO_GPUS)

    assert f"no device '{device}'" in str(caught.value)
    assert "expected one of CPU, GPU, NPU" in str(caught.value)
    assert "Found here: CPU, GPU.0, GPU.1" in str(caught.value)


def test_a_device_that_does_not_exist_is_refused_without_openvino_too(monkeypatch):
    def missing(code):
        raise MissingExtraError("install it")

    monkeypatch.setattr(module, "_ask", missing)

    with pytest.raises(ConfigError, match="Found here: none"):
        absence("TPU")
