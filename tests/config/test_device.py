import pytest
import yaml

from edgekit.config import device as device_module
from edgekit.config.device import (
    Cpu,
    Device,
    Figure,
    Gpu,
    Npu,
    Versions,
    detect_host,
    find_device,
    is_here,
    list_devices,
)
from edgekit.config.host import Host
from edgekit.errors import ConfigError


@pytest.mark.parametrize(
    ("flags", "exact"),
    [
        ({"avx2", "fma"}, False),
        ({"avx2", "avx512f"}, False),
        ({"avx2", "avx512f", "avx512_vnni"}, True),
        ({"avx2", "avx_vnni"}, True),
        ({"asimd"}, False),
        ({"asimd", "asimddp"}, True),
        (set(), False),
    ],
)
def test_weights_take_8_bits_only_where_sums_do_not_saturate(monkeypatch, flags, exact):
    monkeypatch.setattr(device_module, "read_host", lambda: Host("a", frozenset(flags), 2, 1024))

    assert detect_host().exact_u8s8 is exact


def test_the_generic_devices_say_whether_sums_saturate():
    assert not find_device("generic-x86-avx2").exact_u8s8
    assert find_device("generic-x86-vnni").exact_u8s8


def test_the_host_is_detected_with_a_source_for_each_figure():
    device = find_device("host")

    assert device == detect_host()
    assert device.name
    assert device.threads == device.cpu.cores.value
    assert device.memory.unit == "MiB"
    assert "psutil" in device.memory.source


@pytest.mark.parametrize(
    "memory", [8192, {"value": 8192, "unit": "MiB"}, {"value": 1, "unit": "MiB", "source": ""}]
)
def test_a_figure_without_a_source_does_not_fit(tmp_path, memory):
    content = {"version": 1, "name": "x", "kind": "cpu", "cpu": {"isa": []}, "memory": memory}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(content))

    with pytest.raises(ConfigError, match="key 'memory"):
        find_device(str(tmp_path / "own.yaml"))


def test_a_detected_device_states_nothing_itself(tmp_path):
    (tmp_path / "own.yaml").write_text("version: 1\nkind: detect\nthreads: 4\n")

    with pytest.raises(ConfigError, match="key 'threads': extra"):
        find_device(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize("kind", ["cpu", "gpu", "npu"])
def test_a_device_describes_the_processor_that_runs_the_network(tmp_path, kind):
    (tmp_path / "own.yaml").write_text(f"version: 1\nname: x\nkind: {kind}\n")

    with pytest.raises(ConfigError, match=f"kind '{kind}' needs the key '{kind}'"):
        find_device(str(tmp_path / "own.yaml"))


def test_a_part_left_empty_is_not_described(tmp_path):
    (tmp_path / "own.yaml").write_text("version: 1\nname: x\nkind: npu\nnpu: null\n")

    with pytest.raises(ConfigError, match="kind 'npu' needs the key 'npu'"):
        find_device(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("generic-nvidia-gpu", ("gpu",)),
        ("generic-x86-avx2", ("cpu",)),
        ("intel-n100", ("cpu", "gpu")),
        ("intel-meteor-lake", ("cpu", "gpu", "npu")),
        ("intel-lunar-lake", ("cpu", "gpu", "npu")),
        ("intel-xeon-amx", ("cpu",)),
        ("host", ("cpu",)),
    ],
)
def test_a_device_tells_which_processors_it_describes(name, parts):
    assert find_device(name).parts == parts


def test_only_nvidia_gpus_have_a_compute_capability():
    assert find_device("generic-nvidia-gpu").compute_capability == 7.0
    assert find_device("generic-x86-avx2").compute_capability is None
    assert find_device("intel-meteor-lake").compute_capability is None


def figures_of(part):
    if isinstance(part, Figure | Versions):
        return [part]
    fields = part if isinstance(part, Cpu | Gpu | Npu | Device) else ()
    return [figure for _, value in fields for figure in figures_of(value)]


@pytest.mark.parametrize("name", [n for n in list_devices() if n != "host"])
def test_every_figure_that_ships_names_an_address(name):
    figures = figures_of(find_device(name))

    assert figures
    assert all("https://" in figure.source for figure in figures)


@pytest.mark.parametrize("name", [n for n in list_devices() if n.startswith("jetson-")])
def test_a_jetson_tells_what_its_software_may_be(name):
    device = find_device(name)

    assert device.compute_capability is not None
    assert device.jetpack is not None
    assert device.tensorrt is not None
    # GPUs before Volta have no 8-bit kernels in TensorRT; accelerators came and went.
    assert (device.gpu.int8_tops is None) == (device.compute_capability < 7)
    assert (device.gpu.dla_cores is not None) == ("xavier" in name or "nx" in name or "agx" in name)


@pytest.mark.parametrize("name", ["jetson-orin-nx-16gb", "jetson-agx-orin-32gb"])
def test_peaks_follow_from_multiprocessors_and_clock(name):
    gpu = find_device(name).gpu

    rate = gpu.cores.value * gpu.clock.value * 1e9
    assert gpu.fp16_tflops.value * 1e12 / rate == pytest.approx(2048, rel=0.01)
    assert gpu.int8_tops.value == pytest.approx(2 * gpu.fp16_tflops.value, rel=0.01)


def test_a_gpu_is_never_taken_for_this_computers_processor():
    assert not is_here(find_device("generic-nvidia-gpu"))


def test_a_computer_is_here_for_profiles_that_describe_it(monkeypatch):
    computer = find_device("generic-x86-vnni")
    monkeypatch.setattr(device_module, "detect_host", lambda: computer)

    assert is_here(computer)
    assert not is_here(find_device("generic-x86-avx2"))


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("intel-n100", "Intel(R) N100"),
        ("intel-meteor-lake", "Intel(R) Core(TM) Ultra 7 155H"),
        ("intel-meteor-lake", "Intel(R) Core(TM) Ultra 5 125U"),
        ("intel-lunar-lake", "Intel(R) Core(TM) Ultra 7 258V"),
    ],
)
def test_a_computer_is_here_for_the_profile_that_is_called_like_it(monkeypatch, device, name):
    profiles = [n for n in list_devices() if n.startswith("intel-")]
    computer = find_device(device).model_copy(update={"name": name})
    monkeypatch.setattr(device_module, "detect_host", lambda: computer)

    assert [n for n in profiles if is_here(find_device(n))] == [device]
    assert is_here(find_device("generic-x86-vnni"))


def test_the_same_instructions_under_another_name_are_another_device(monkeypatch):
    computer = find_device("intel-n100").model_copy(update={"name": "AMD EPYC 9555"})
    monkeypatch.setattr(device_module, "detect_host", lambda: computer)

    assert not is_here(find_device("intel-n100"))
    assert not is_here(find_device("intel-xeon-amx"))


def test_a_box_is_here_whichever_of_its_processors_runs_the_network(monkeypatch):
    box = find_device("intel-lunar-lake").model_copy(update={"kind": "npu"})
    computer = box.model_copy(update={"name": "Intel(R) Core(TM) Ultra 9 288V"})
    monkeypatch.setattr(device_module, "detect_host", lambda: computer)

    assert is_here(box)
