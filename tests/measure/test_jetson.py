"""What Jetsons tell, on lines recorded on real boards and published by their owners."""

import time

import pytest

from edgekit.measure.jetson import (
    Tegrastats,
    clocks_locked,
    find_meter,
    parse_clocks_locked,
    parse_power_mode,
    parse_tegrastats,
    power_mode,
)
from edgekit.measure.power import NoMeter, Rapl

AGX_ORIN_JETPACK_5 = (
    "04-24-2023 00:01:24 RAM 1282/62795MB (lfb 15152x4MB) SWAP 0/31398MB (cached 0MB) CPU "
    "[0%@729,0%@729,0%@729,0%@729,0%@729,0%@729,0%@729,0%@729,0%@729,0%@729,0%@729,0%@729] "
    "EMC_FREQ 0%@2133 GR3D_FREQ 0%@0 GR3D2_FREQ 0%@0 VIC_FREQ 729 APE 174 CV0@-256C CPU@42.593C "
    "Tboard@32C SOC2@39.343C Tdiode@33.25C SOC0@39.375C CV1@-256C GPU@-256C tj@42.593C "
    "SOC1@40.468C CV2@-256C VDD_GPU_SOC 2399mW/2399mW VDD_CPU_CV 400mW/400mW "
    "VIN_SYS_5V0 4032mW/4032mW NC 0mW/0mW VDDQ_VDD2_1V8AO 301mW/301mW NC 0mW/0mW"
)
AGX_ORIN_JETPACK_6 = (
    "05-09-2026 18:42:06 RAM 18207/62841MB (lfb 466x4MB) SWAP 86/31420MB (cached 0MB) CPU "
    "[14%@2188,5%@2112,8%@2035,14%@2201,46%@1267,47%@1267,2%@1267,10%@1267,4%@1036,5%@1036,"
    "6%@1036,10%@1036] EMC_FREQ 3%@2133 GR3D_FREQ 0%@[0,0] NVENC 79%@166 NVDEC off NVJPG off "
    "NVJPG1 off VIC 36%@115 OFA off NVDLA0 off NVDLA1 off PVA0_FREQ off APE 174 cpu@52.562C "
    "soc2@48.437C soc0@49.093C tj@52.562C soc1@49.656C VDD_GPU_SOC 2412mW/2412mW "
    "VDD_CPU_CV 1607mW/1607mW VIN_SYS_5V0 4707mW/4707mW"
)
ORIN_NANO_JETPACK_6 = (
    "06-18-2025 11:25:24 RAM 3452/7620MB (lfb 25x4MB) SWAP 1518/16384MB (cached 174MB) CPU "
    "[1%@1420,2%@1420,0%@1420,2%@1420,2%@729,1%@729] GR3D_FREQ 0% cpu@50.031C soc2@49.031C "
    "soc0@50C gpu@49.031C tj@50.25C soc1@50.25C VDD_IN 4824mW/4824mW "
    "VDD_CPU_GPU_CV 518mW/518mW VDD_SOC 1475mW/1475mW"
)
UNLOCKED = """SOC family:tegra210  Machine:jetson-nano
Online CPUs: 0-3
CPU Cluster Switching: Disabled
cpu0: Online=1 Governor=schedutil MinFreq=102000 MaxFreq=1428000 CurrentFreq=1428000 IdleStates:
cpu1: Online=1 Governor=schedutil MinFreq=102000 MaxFreq=1428000 CurrentFreq=1428000 IdleStates:
GPU MinFreq=76800000 MaxFreq=921600000 CurrentFreq=153600000
EMC MinFreq=204000000 MaxFreq=1600000000 CurrentFreq=1600000000 FreqOverride=0
NV Power Mode: MAXN
"""


@pytest.mark.parametrize(
    ("line", "watts", "rails", "hottest"),
    [
        (AGX_ORIN_JETPACK_5, 6.831, 3, 42.593),
        (AGX_ORIN_JETPACK_6, 8.726, 3, 52.562),
        (ORIN_NANO_JETPACK_6, 4.824, 1, 50.25),
    ],
)
def test_power_is_that_of_the_module_and_sensors_that_are_off_are_left_out(
    line, watts, rails, hottest
):
    state = parse_tegrastats(line)

    assert state.power_w == pytest.approx(watts)
    assert len(state.power_rails) == rails
    assert max(state.temperatures_c.values()) == hottest
    assert min(state.temperatures_c.values()) > 0


def test_a_line_without_rails_tells_no_power():
    assert parse_tegrastats("RAM 1282/62795MB GR3D_FREQ 0% cpu@50C").power_w is None


def test_the_power_mode_is_named_in_both_forms_of_nvpmodel():
    assert parse_power_mode("NV Power Mode: MODE_15W_6CORE\n2\n") == "MODE_15W_6CORE"
    assert parse_power_mode("NVPM VERB: Current mode: NV Power Mode: MAXN\n0\n") == "MAXN"
    assert parse_power_mode("") is None


def test_clocks_are_locked_when_every_core_and_the_gpu_have_no_range_left():
    locked = UNLOCKED.replace("MinFreq=102000", "MinFreq=1428000")

    assert parse_clocks_locked(UNLOCKED) is False
    assert parse_clocks_locked(locked) is False
    assert parse_clocks_locked(locked.replace("MinFreq=76800000", "MinFreq=921600000")) is True
    assert parse_clocks_locked("Error: Please run with sudo!") is None


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Return ``make(name, script)``: a stand-in for one of NVIDIA's programs, first in the path."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def make(name, script):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_programs_of_the_board_are_asked_where_they_are(stand_in):
    assert (power_mode(), clocks_locked()) == (None, None)

    stand_in("nvpmodel", "echo 'NV Power Mode: MODE_30W'; echo 2")
    stand_in("jetson_clocks", "echo 'needs root' >&2; exit 1")

    assert (power_mode(), clocks_locked()) == ("MODE_30W", None)


def wait_until(done, patience_s=20):
    end = time.monotonic() + patience_s
    while not done() and time.monotonic() < end:
        time.sleep(0.01)


def test_samples_count_for_the_candidate_in_whose_block_they_fall(stand_in):
    lines = f"while :; do echo '{ORIN_NANO_JETPACK_6}'; sleep 0.005; done"

    with Tegrastats(stand_in("tegrastats", lines)) as meter:
        with meter.during("a", frames=10):
            wait_until(lambda: len(meter._watts["a"]) >= 10)
        with meter.during("b", frames=10):
            pass

    assert meter.use("a").mean_w == pytest.approx(4.824)
    assert meter.use("a").mj_per_frame > 0
    assert meter.use("a").source == "tegrastats, VDD_IN"
    assert meter.use("b") is None
    assert not meter._listener.is_alive()


def test_a_jetson_is_read_by_tegrastats_and_others_by_rapl(stand_in):
    assert isinstance(find_meter(), Rapl | NoMeter)

    stand_in("tegrastats", "true")

    assert isinstance(find_meter(), Tegrastats)
