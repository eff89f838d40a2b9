from importlib.metadata import PackageNotFoundError

import pytest

from edgekit.backends.cuda import CudaGpu
from edgekit.pipeline import doctor


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
