from importlib.metadata import PackageNotFoundError

import pytest

from edgekit.backends.cuda import CudaGpu
from edgekit.backends.openvino_devices import OpenVinoDevice, OpenVinoHere
from edgekit.errors import MissingExtraError
from edgekit.pipeline import doctor


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """A computer with OpenVINO on its CPU and on one of its GPUs."""
    cpu = OpenVinoDevice("CPU", "CPU X", ("FP32", "INT8", "WINOGRAD"))
    gpu = OpenVinoDevice("GPU.1", "GPU X", ("FP16", "FP32"))
    monkeypatch.setattr(doctor, "probe_openvino", lambda: OpenVinoHere((cpu, gpu), {}, ()))
    monkeypatch.setattr(doctor, "probe_cuda", lambda: CudaGpu(absence="install it"))


def test_what_is_installed_is_named_with_its_version(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: f"{name} 1.0")

    findings = {f.part: f for f in doctor.diagnose()}

    assert findings["onnxruntime"].state == "onnxruntime 1.0"
    assert findings["onnxruntime"].advice == ""


def test_what_is_missing_comes_with_the_command_that_installs_it(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", missing)

    findings = {f.part: f for f in doctor.diagnose()}

    assert findings["openvino"].state == "not installed"
    assert "pip install 'edgekit[openvino]'" in findings["openvino"].advice


def test_the_processor_is_told_with_what_it_means_for_weights():
    findings = {f.part: f for f in doctor.diagnose()}

    assert findings["processor"].state
    assert "bits" in findings["instructions"].advice
    assert findings["python"].state.startswith("3.")


@pytest.mark.parametrize(
    ("found", "state", "advice"),
    [
        (CudaGpu("GPU X", 8.6), "GPU X", "compute capability 8.6"),
        (CudaGpu(absence="install it"), "none that runs", "install it"),
    ],
)
def test_a_gpu_is_told_or_what_is_missing_for_one(monkeypatch, found, state, advice):
    monkeypatch.setattr(doctor, "probe_cuda", lambda: found)

    findings = {f.part: f for f in doctor.diagnose()}

    assert (findings["GPU"].state, findings["GPU"].advice) == (state, advice)


def test_what_openvino_finds_is_told_with_what_it_computes_in():
    findings = {f.part: f for f in doctor.diagnose()}

    assert (findings["OpenVINO CPU"].state, findings["OpenVINO CPU"].advice) == (
        "CPU X",
        "FP32 INT8",
    )
    assert (findings["OpenVINO GPU.1"].state, findings["OpenVINO GPU.1"].advice) == (
        "GPU X",
        "FP16 FP32",
    )
    assert "OpenVINO GPU" not in findings


def test_what_openvino_does_not_find_comes_with_the_reason():
    findings = {f.part: f for f in doctor.diagnose()}

    assert findings["OpenVINO NPU"].state == "none that runs"
    assert findings["OpenVINO NPU"].advice.startswith("OpenVINO finds no NPU here: ")


def test_without_openvino_each_of_its_processors_is_missing(monkeypatch):
    def missing():
        raise MissingExtraError("pip install 'edgekit[openvino]'")

    monkeypatch.setattr(doctor, "probe_openvino", missing)

    findings = [f for f in doctor.diagnose() if f.part.startswith("OpenVINO ")]

    assert [f.part for f in findings] == ["OpenVINO CPU", "OpenVINO GPU", "OpenVINO NPU"]
    assert {f.advice for f in findings} == {"pip install 'edgekit[openvino]'"}
