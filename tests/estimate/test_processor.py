import pytest

from edgekit.config.device import Cpu, Device, Figure, find_device
from edgekit.estimate.processor import processors_of


def of(name):
    return {one.family: one for one in processors_of(name, find_device(name))}


def test_a_jetson_is_its_gpu_in_the_memory_it_shares():
    (gpu,) = of("jetson-orin-nx-16gb").values()

    assert (gpu.family, gpu.runtime, gpu.part) == ("tensorrt-gpu", "tensorrt", "gpu")
    assert gpu.bandwidth == 102.4e9
    assert gpu.memory == 16 * 2**30
    assert gpu.peaks["int8"] > gpu.peaks["fp16"] > gpu.peaks["fp32"] > gpu.vector


def test_a_gpu_without_8_bits_offers_none():
    assert set(of("jetson-nano")["tensorrt-gpu"].peaks) == {"fp32", "fp16"}


def test_a_card_has_a_memory_of_its_own():
    assert of("nvidia-t4")["tensorrt-gpu"].bandwidth == 320e9


def test_an_intel_computer_is_three_processors_and_a_runtime_more():
    found = of("intel-lunar-lake")

    assert list(found) == ["openvino-gpu", "openvino-npu", "openvino-cpu", "onnxruntime-x86"]
    # Four of its eight cores are fast: 4 x 4.8 GHz x 32 operations.
    assert found["openvino-cpu"].peaks["fp32"] == pytest.approx(614.4e9)
    assert found["openvino-cpu"].peaks["int8"] == 4 * found["openvino-cpu"].peaks["fp32"]
    assert "clock" in found["openvino-gpu"].unverified


def test_an_arm_board_runs_two_runtimes_one_of_them_in_float_alone():
    found = of("raspberry-pi-5")

    assert list(found) == ["onnxruntime-arm", "ncnn-arm"]
    assert set(found["ncnn-arm"].peaks) == {"fp32"}
    assert found["onnxruntime-arm"].peaks["int8"] == 4 * 4 * 2.4e9 * 16


def test_what_an_old_processor_lacks_is_not_assumed():
    assert set(of("raspberry-pi-4")["onnxruntime-arm"].peaks) == {"fp32"}


@pytest.mark.parametrize("name", ["generic-nvidia-gpu", "generic-x86-avx2", "generic-x86-vnni"])
def test_a_class_of_devices_without_clock_and_cores_gives_no_estimate(name):
    assert of(name) == {}


def test_a_detected_computer_is_assumed_from_its_instructions_and_says_so():
    cores = Figure(value=2, unit="cores", source="psutil.cpu_count() on it")
    isa = ("avx2", "fma", "avx512f", "avx512_vnni")
    device = Device(version=1, name="x", kind="cpu", cpu=Cpu(isa=isa, cores=cores))

    openvino, onnxruntime = processors_of("host", device)

    assert openvino.peaks == onnxruntime.peaks
    assert openvino.peaks["fp32"] == 2 * 3.5e9 * 64
    assert openvino.peaks["int8"] == 4 * openvino.peaks["fp32"]
    assert openvino.bandwidth == 20e9
    assert set(openvino.unverified) == {"clock", "fp32_peak", "int8_peak", "bandwidth"}


def test_8_bits_gain_less_where_sums_saturate():
    cores = Figure(value=1, unit="cores", source="psutil.cpu_count() on it")
    device = Device(version=1, name="x", kind="cpu", cpu=Cpu(isa=("avx2",), cores=cores))

    one, _ = processors_of("host", device)

    assert one.peaks["int8"] == pytest.approx(one.peaks["fp32"] * 4 / 3)
