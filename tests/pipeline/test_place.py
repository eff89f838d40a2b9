from dataclasses import replace
from types import SimpleNamespace

import pytest

from edgekit.backends.cuda import CudaGpu
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.openvino import OpenVino
from edgekit.backends.openvino_devices import OpenVinoDevice
from edgekit.config.device import detect_host, find_device
from edgekit.config.recipe import find_recipe, list_recipes
from edgekit.errors import ConfigError, MissingExtraError
from edgekit.pipeline import place as module
from edgekit.pipeline.place import Place, find_place, halves_of, runtime_of
from edgekit.quantize.rules import OPENVINO_X86, ORT_X86

GPU = OpenVinoDevice("GPU.0", "Graphics of today", ("FP32", "FP16", "INT8"))
NPU = OpenVinoDevice("NPU", "Neurons of today", ("FP16", "INT8"))


@pytest.fixture
def present(monkeypatch):
    """Return ``here(*devices)``: OpenVINO then finds these, and no CUDA GPU is here."""

    def here(*devices):
        kinds = {device.name.partition(".")[0]: device for device in devices}
        monkeypatch.setattr(module, "found_device", kinds.__getitem__)
        monkeypatch.setattr(module, "absence", lambda d: None if d in kinds else f"no {d} here")

    monkeypatch.setattr(module, "probe_cuda", lambda: CudaGpu(absence="no GPU on this desk"))
    here()
    return here


@pytest.fixture
def on(present):
    """Return ``place(target, device=None)``, with nothing here but the CPU."""
    return lambda target, device=None: find_place(find_recipe(target), target, device)


@pytest.fixture
def cpu_with(monkeypatch):
    """Return ``place(*capabilities)``: on OpenVINO, on a CPU of these."""

    def place(*capabilities):
        monkeypatch.setattr(module, "capabilities_of", {"CPU": capabilities}.__getitem__)
        return Place(detect_host(), OpenVino())

    return place


def made(provider, backend="openvino", precision="int8"):
    """What ``runtime_of`` reads of a manifest."""
    return SimpleNamespace(backend=backend, provider=provider, precision=precision)


@pytest.mark.parametrize(
    ("target", "runtime", "rules"),
    [
        ("ort-cpu-fp32", OnnxRuntime, ORT_X86),
        ("ort-cpu-int8", OnnxRuntime, ORT_X86),
        ("openvino-cpu-fp32", OpenVino, OPENVINO_X86),
        ("openvino-cpu-fp16", OpenVino, OPENVINO_X86),
        ("openvino-cpu-int8", OpenVino, OPENVINO_X86),
    ],
)
def test_a_target_for_the_cpu_runs_here_with_every_core(on, target, runtime, rules):
    found = on(target)

    assert found.runtime == runtime(threads=detect_host().threads)
    assert (found.device, found.rules, found.absence) == (detect_host(), rules, None)


def test_every_target_has_a_place_without_a_gpu_and_an_npu(on):
    absent = {target: on(target).absence for target in list_recipes()}

    assert {target for target, why in absent.items() if why is None} == {
        target for target in list_recipes() if find_recipe(target).provider == "cpu"
    }


@pytest.mark.parametrize("target", ["ort-cpu-int8", "openvino-cpu-int8"])
def test_times_of_this_computer_are_none_of_another(on, monkeypatch, target):
    monkeypatch.setattr(module, "is_here", lambda device: False)

    found = on(target, "intel-n100")

    assert found.device == find_device("intel-n100")
    assert "not on Intel N100: no time is that device's" in found.absence


def test_a_gpu_of_nvidia_runs_what_is_for_cuda(on, monkeypatch):
    monkeypatch.setattr(module, "probe_cuda", lambda: CudaGpu("GPU of today", 9.0))

    found = on("ort-cuda-fp16")

    assert (found.device.name, found.runtime.provider) == ("GPU of today", "cuda")
    assert found.absence is None


def test_without_one_the_cpu_stands_in(on):
    found = on("ort-cuda-fp16")

    assert found.runtime.provider == "cpu"
    assert found.absence == "run on the CPU, not on a GPU: no GPU on this desk"


@pytest.mark.parametrize(
    ("target", "device", "processor"),
    [("openvino-gpu-fp16", GPU, "gpu"), ("openvino-npu-int8", NPU, "npu")],
)
def test_openvino_runs_on_the_processor_that_is_here(on, present, target, device, processor):
    present(device)

    found = on(target)

    assert found.runtime == OpenVino(processor=processor)
    assert (found.device.name, found.absence) == (device.full_name, None)


@pytest.mark.parametrize(
    ("target", "kind"), [("openvino-gpu-fp16", "GPU"), ("openvino-npu-int8", "NPU")]
)
def test_where_it_is_not_the_cpu_stands_in_and_the_reason_is_told(on, target, kind):
    found = on(target)

    assert found.runtime.processor == "cpu"
    assert found.device.name == "Intel Core Ultra, Meteor Lake"
    assert found.absence == f"no {kind} here"


@pytest.mark.parametrize("target", ["openvino-gpu-fp16", "openvino-npu-int8"])
def test_this_computer_has_what_openvino_finds_on_it(on, present, target):
    with pytest.raises(ConfigError, match=r"found 'host': no .PU here\. Leave out --device"):
        on(target, "host")
    present(GPU, NPU)

    found = on(target, "host")

    assert found.device.name in {GPU.full_name, NPU.full_name}
    assert found.absence is None


def test_this_computer_has_a_gpu_for_cuda_where_one_is_found(on, monkeypatch):
    with pytest.raises(ConfigError, match=r"found 'host'.*no GPU on this desk"):
        on("ort-cuda-fp16", "host")
    monkeypatch.setattr(module, "probe_cuda", lambda: CudaGpu("GPU of today", 5.0))

    assert on("ort-cuda-fp16", "host").device.name == "GPU of today"


def test_a_recipe_of_somebodys_own_is_told_what_to_name(tmp_path, on):
    own = tmp_path / "own.yaml"
    own.write_text("extends: openvino-npu-int8\ndevice: intel-n100\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"found 'intel-n100', which has cpu and gpu\. Name ano"):
        on(str(own))


def test_an_npu_of_another_computer_than_the_one_asked_for_is_not_it(on, present, monkeypatch):
    present(NPU)
    monkeypatch.setattr(module, "is_here", lambda device: False)

    found = on("openvino-npu-int8", "intel-lunar-lake")

    assert found.runtime.processor == "cpu"
    assert found.device == find_device("intel-lunar-lake")
    assert "no time is that device's" in found.absence


@pytest.mark.parametrize(
    ("target", "device", "words"),
    [
        ("openvino-npu-int8", "intel-n100", "OpenVINO's npu device: .*which has cpu and gpu"),
        ("openvino-gpu-fp16", "intel-xeon-amx", "OpenVINO's gpu device: .*which has cpu"),
        ("openvino-gpu-fp16", "generic-nvidia-gpu", "OpenVINO's gpu device: .*which has gpu"),
        ("openvino-cpu-int8", "generic-nvidia-gpu", "OpenVINO's cpu device: .*which has gpu"),
        ("ort-cuda-fp16", "intel-meteor-lake", "ONNX Runtime's cuda device: .*cpu and gpu and npu"),
    ],
)
def test_a_device_without_the_processor_is_refused(on, target, device, words):
    usual = find_recipe(target).device

    with pytest.raises(ConfigError, match=f"--target {target} runs on {words}") as refused:
        on(target, device)
    assert f"found '{device}'" in str(refused.value)
    assert str(refused.value).endswith(f"Leave out --device, which is {usual} then.")


@pytest.mark.parametrize("target", ["openvino-cpu-int8", "openvino-npu-int8"])
def test_without_openvino_its_targets_are_a_missing_package(on, monkeypatch, target):
    def missing():
        raise MissingExtraError("A target on OpenVINO needs 'openvino'.")

    monkeypatch.setattr(module, "openvino_package", missing)

    with pytest.raises(MissingExtraError, match="needs 'openvino'"):
        on(target)
    with pytest.raises(MissingExtraError, match="needs 'openvino'"):
        runtime_of(made("cpu"))


@pytest.mark.parametrize(
    ("manifest", "runtime"),
    [
        (made("cpu", "onnxruntime"), OnnxRuntime()),
        (made("cpu"), OpenVino()),
        (made("cpu", precision="fp32"), OpenVino()),
        (made("cpu", precision="bf16"), OpenVino(arithmetic="bf16")),
        (made("gpu", precision="fp16"), OpenVino("gpu", arithmetic="f16")),
        (made("npu"), OpenVino("npu")),
    ],
)
def test_an_artifact_runs_on_what_it_was_made_for(present, manifest, runtime):
    present(GPU, NPU)

    assert runtime_of(manifest) == (runtime, None)


def test_16_bits_of_what_is_not_here_are_computed_in_32(present):
    assert runtime_of(made("gpu", precision="fp16")) == (OpenVino(), "no GPU here")


def test_what_is_compiled_of_an_artifact_is_kept_where_a_cache_is(present, tmp_path):
    present(NPU)

    assert runtime_of(made("npu"), tmp_path)[0] == OpenVino("npu", cache=tmp_path / "openvino")
    assert runtime_of(made("cpu", "onnxruntime"), tmp_path)[0] == OnnxRuntime()


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (made("cuda", "onnxruntime"), "no GPU on this desk"),
        (made("gpu"), "no GPU here"),
        (made("npu"), "no NPU here"),
    ],
)
def test_an_artifact_for_what_is_not_here_runs_on_the_cpu(present, manifest, why):
    usual = OpenVino() if manifest.backend == "openvino" else OnnxRuntime()

    assert runtime_of(manifest) == (usual, why)


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        (("FP32", "FP16", "INT8"), "fp16"),
        (("FP32", "BF16", "INT8"), "bf16"),
        (("FP32", "BF16", "FP16"), "fp16"),
    ],
)
def test_the_16_bits_are_those_the_processor_computes_in(cpu_with, capabilities, precision):
    assert halves_of(cpu_with(*capabilities)) == (precision, None)


def test_a_processor_without_16_bits_is_named(cpu_with):
    precision, why = halves_of(cpu_with("FP32", "INT8"))

    assert precision == "fp16"
    assert why == f"{detect_host().name} computes in no 16-bit floats on OpenVINO"


def test_16_bits_of_a_processor_that_is_not_here_are_not_asked_for(cpu_with):
    place = cpu_with("FP32", "BF16")

    assert halves_of(replace(place, absence="no NPU here")) == ("fp16", "no NPU here")
