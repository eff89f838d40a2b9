import os

import pytest

from edgekit.backends.openvino_drivers import LIBRARIES, System, gpu_fault, npu_fault

INTEL, NVIDIA = "0x8086\n", "0x10de\n"


def write(root, path, text=""):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def gpu_box(tmp_path):
    """A system whose Intel GPU lacks nothing."""
    write(tmp_path, "dev/dri/renderD128")
    write(tmp_path, "sys/class/drm/renderD128/device/vendor", INTEL)
    write(tmp_path, "etc/OpenCL/vendors/intel.icd", "/usr/lib/intel-opencl/libigdrcl.so\n")
    return tmp_path


@pytest.fixture
def npu_box(tmp_path):
    """A system whose NPU lacks nothing."""
    write(tmp_path, "sys/bus/pci/devices/0000:00:0b.0/vendor", INTEL)
    write(tmp_path, "sys/bus/pci/devices/0000:00:0b.0/device", "0x643e\n")
    write(tmp_path, "sys/module/intel_vpu/refcnt", "0\n")
    write(tmp_path, "lib/firmware/intel/vpu/vpu_40xx_v1.bin")
    write(tmp_path, "dev/accel/accel0")
    return tmp_path


def without(name):
    return tuple(library for library in LIBRARIES if name not in library)


def test_a_gpu_that_lacks_nothing_has_no_fault(gpu_box):
    assert gpu_fault(System(gpu_box), LIBRARIES) is None


def test_without_a_render_node_there_is_no_gpu(tmp_path):
    fault = gpu_fault(System(tmp_path), LIBRARIES)

    assert fault.startswith("there is no /dev/dri/renderD*")
    assert "docker run --device /dev/dri" in fault


def test_a_gpu_of_another_maker_is_named_by_its_vendor(gpu_box):
    write(gpu_box, "sys/class/drm/renderD128/device/vendor", NVIDIA)

    assert "Intel's" in gpu_fault(System(gpu_box), LIBRARIES)
    assert "found 0x10de" in gpu_fault(System(gpu_box), LIBRARIES)


def test_one_gpu_of_intel_beside_another_is_enough(gpu_box):
    write(gpu_box, "dev/dri/renderD129")
    write(gpu_box, "sys/class/drm/renderD129/device/vendor", NVIDIA)

    assert gpu_fault(System(gpu_box), LIBRARIES) is None


@pytest.mark.parametrize(("box", "fault"), [("gpu_box", gpu_fault), ("npu_box", npu_fault)])
def test_who_may_not_use_the_device_is_told_the_group_to_join(request, monkeypatch, box, fault):
    root = request.getfixturevalue(box)
    monkeypatch.setattr(os, "access", lambda *_: False)

    told = fault(System(root), LIBRARIES)

    assert told.startswith("you may not use /dev/")
    assert "usermod -a -G render" in told


def test_a_gpu_without_opencl_is_told_the_packages(gpu_box):
    assert "there is no libOpenCL.so.1" in gpu_fault(System(gpu_box), without("OpenCL"))
    assert "intel-opencl-icd" in gpu_fault(System(gpu_box), without("OpenCL"))


def test_opencl_of_another_maker_does_not_drive_intels_gpu(gpu_box):
    write(gpu_box, "etc/OpenCL/vendors/intel.icd", "libnvidia-opencl.so.1\n")

    assert "names libigdrcl.so, found none" in gpu_fault(System(gpu_box), LIBRARIES)


def test_a_gpu_that_windows_hands_on_has_no_render_node(tmp_path):
    write(tmp_path, "dev/dxg")
    write(tmp_path, "etc/OpenCL/vendors/intel.icd", "libigdrcl.so")

    assert gpu_fault(System(tmp_path), LIBRARIES) is None


def test_an_npu_that_lacks_nothing_has_no_fault(npu_box):
    assert npu_fault(System(npu_box), LIBRARIES) is None


def test_a_computer_without_an_npu_is_told_so(tmp_path):
    write(tmp_path, "sys/bus/pci/devices/0000:00:02.0/vendor", INTEL)
    write(tmp_path, "sys/bus/pci/devices/0000:00:02.0/device", "0x46d1\n")

    assert "no Intel NPU on the PCI bus" in npu_fault(System(tmp_path), LIBRARIES)


def test_an_npu_whose_module_is_not_loaded_is_told_the_command(npu_box):
    (npu_box / "dev/accel/accel0").unlink()
    (npu_box / "sys/module/intel_vpu/refcnt").unlink()
    (npu_box / "sys/module/intel_vpu").rmdir()

    assert "sudo modprobe intel_vpu" in npu_fault(System(npu_box), LIBRARIES)


def test_an_npu_without_firmware_is_told_the_package(npu_box):
    (npu_box / "dev/accel/accel0").unlink()
    (npu_box / "lib/firmware/intel/vpu/vpu_40xx_v1.bin").unlink()

    assert "package intel-fw-npu" in npu_fault(System(npu_box), LIBRARIES)


@pytest.mark.parametrize("at", ["lib/firmware/intel/vpu", "lib/firmware/updates/intel/vpu"])
def test_an_npu_that_made_no_device_file_is_told_where_the_kernel_says_why(npu_box, at):
    (npu_box / "dev/accel/accel0").unlink()
    (npu_box / "lib/firmware/intel/vpu/vpu_40xx_v1.bin").unlink()
    write(npu_box, f"{at}/vpu_40xx_v1.bin")

    assert "dmesg" in npu_fault(System(npu_box), LIBRARIES)


@pytest.mark.parametrize(
    ("libraries", "told"),
    [
        (without("ze_loader"), "there is no libze_loader.so.1"),
        (without("ze_intel"), "package intel-level-zero-npu"),
        (without("libze_intel_npu"), None),
        (without("libze_intel_vpu"), None),
    ],
)
def test_an_npu_needs_level_zero_and_one_of_its_drivers(npu_box, libraries, told):
    fault = npu_fault(System(npu_box), libraries)

    assert (fault is None) if told is None else told in fault
