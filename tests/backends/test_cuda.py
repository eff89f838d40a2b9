import onnxruntime as ort
import pytest

from edgekit.backends import cuda as module
from edgekit.backends.cuda import CudaGpu, probe_cuda, tell

HERE = "CUDAExecutionProvider" in ort.get_available_providers()
without_cuda = pytest.mark.skipif(HERE, reason="this ONNX Runtime has the CUDA provider")


def test_what_the_process_tells_is_what_is_returned():
    told = '{"name": "GPU X", "compute_capability": 8.6, "absence": null}'

    found = module._ask(f"print('a library that greets'); print('''{told}''')")

    assert found == CudaGpu("GPU X", 8.6)


def test_a_process_that_dies_is_an_absence_with_what_it_said():
    code = "import os, sys; sys.stderr.write('bad driver'); os._exit(7)"

    assert module._ask(code).absence == "asking for the GPU ended with code 7: bad driver"


def test_a_driver_that_hangs_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)

    assert module._ask("import time; time.sleep(60)").absence.startswith("the GPU did not answer")


@without_cuda
def test_without_the_provider_the_package_to_install_is_named():
    found = probe_cuda()

    assert "pip install onnxruntime-gpu" in found.absence
    assert (found.name, found.compute_capability) == ("", 0.0)


@without_cuda
def test_the_process_itself_prints_one_line_of_json(capsys):
    tell()

    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.gpu
@pytest.mark.skipif(not HERE, reason="this ONNX Runtime has no CUDA provider")
def test_a_gpu_tells_its_name_and_generation():
    found = probe_cuda()

    assert found.absence is None
    assert found.name
    assert found.compute_capability >= 5
