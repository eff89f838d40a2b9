import platform
from dataclasses import asdict

import numpy as np

from edgekit.measure import machine
from edgekit.measure.machine import describe_machine, read_conditions


def test_the_machine_names_what_decides_the_figures():
    found = describe_machine()

    assert found.cpu
    assert found.cores >= 1
    assert found.memory_bytes > 2**20
    assert found.python == platform.python_version()
    assert found.versions["numpy"] == np.__version__
    assert {"edgekit", "onnxruntime", "onnxsim", "onnx-ir"} <= set(found.versions)


def test_a_package_that_is_absent_is_not_listed(monkeypatch):
    monkeypatch.setattr(machine, "_PACKAGES", ("numpy", "no-such-package"))

    assert set(describe_machine().versions) == {"numpy"}


def test_conditions_are_figures_or_nothing():
    found = asdict(read_conditions())

    assert found.pop("governor") is None or isinstance(read_conditions().governor, str)
    assert all(v is None or v >= 0 for v in found.values())


def test_heat_is_counted_over_all_cores(tmp_path):
    for core, events in enumerate((2, 3)):
        folder = tmp_path / f"cpu{core}" / "thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{events}\n")
    governor = tmp_path / "cpu0" / "cpufreq" / "scaling_governor"
    governor.parent.mkdir()
    governor.write_text("performance\n")
    for core, clock in enumerate((1_500_000, 2_500_000)):
        clocks = tmp_path / f"cpu{core}" / "cpufreq"
        clocks.mkdir(exist_ok=True)
        (clocks / "scaling_cur_freq").write_text(f"{clock}\n")

    found = read_conditions(tmp_path)

    assert found.throttle_events == 5
    assert found.governor == "performance"
    assert (found.clock_min_mhz, found.clock_max_mhz, found.clock_limit_mhz) == (1500, 2500, None)
