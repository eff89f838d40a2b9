import pytest

from edgekit.backends.tensorrt.on_device.board import (
    PowerLog,
    clocks_locked,
    power_mode,
    rails_of,
    slowed_down,
    state_of,
    system_of,
)
from edgekit.measure.jetson import parse_clocks_locked, parse_power_mode, parse_tegrastats
from tests.backends.tensorrt.boards import put_program
from tests.measure.test_jetson import AGX_ORIN_JETPACK_5, AGX_ORIN_JETPACK_6

CLOCKS = "cpu0: Online=1 Governor=schedutil MinFreq={} MaxFreq=1510400\nGPU MinFreq={} MaxFreq=9\n"


@pytest.fixture
def board(tmp_path, monkeypatch):
    """An empty folder as PATH, and one as the root of the file system."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    return tmp_path


def put_file(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_board_tells_its_model_and_release(board):
    put_file(board / "proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0")
    put_file(board / "etc/nv_tegra_release", "# R36 (release), REVISION: 4.3, GCID: 38968081\n")

    system = system_of(board)

    assert system["model"] == "NVIDIA Jetson Orin Nano Developer Kit"
    assert system["l4t"] == "36.4.3"


def test_what_is_no_board_tells_none_of_it(board):
    assert (system_of(board)["model"], system_of(board)["l4t"]) == (None, None)
    assert (power_mode(), clocks_locked()) == (None, None)
    assert state_of(board) == {
        "temperatures_c": {},
        "gpu_mhz": None,
        "over_currents": None,
        "alerts": [],
    }
    assert slowed_down(state_of(board), state_of(board)) == []


def test_temperatures_leave_out_sensors_that_are_off(board):
    thermal = board / "sys/class/thermal"
    for number, (name, milli) in enumerate((("cpu-thermal", "48500"), ("cv0-thermal", "-256000"))):
        put_file(thermal / f"thermal_zone{number}/type", name + "\n")
        put_file(thermal / f"thermal_zone{number}/temp", milli + "\n")
    put_file(board / "sys/class/devfreq/17000000.gpu/cur_freq", "624750000\n")

    state = state_of(board)
    assert (state["temperatures_c"], state["gpu_mhz"]) == ({"cpu-thermal": 48.5}, 624.75)


def test_a_board_that_draws_too_much_or_gets_hot_says_so(board):
    def counted(events, alert):
        for number, count in ((1, 0), (3, events)):
            put_file(board / f"sys/class/hwmon/hwmon4/oc{number}_event_cnt", f"{count}\n")
        for number, (name, state) in enumerate((("gpu-throttle-alert", alert), ("pwm-fan", 3))):
            put_file(board / f"sys/class/thermal/cooling_device{number}/type", name)
            put_file(board / f"sys/class/thermal/cooling_device{number}/cur_state", str(state))
        return state_of(board)

    before = counted(813, 0)

    assert slowed_down(before, counted(813, 0)) == []
    assert slowed_down(before, counted(815, 1)) == [
        "gpu-throttle-alert when it ended",
        "2 over-current events",
    ]


@pytest.mark.parametrize("line", [AGX_ORIN_JETPACK_5, AGX_ORIN_JETPACK_6])
def test_rails_are_read_as_edgekit_reads_them(line):
    assert rails_of(line) == parse_tegrastats(line).rails_mw != {}


def test_mode_and_clocks_are_read_as_edgekit_reads_them(board):
    said = "NV Power Mode: MODE_15W\n2\n"
    put_program(board / "bin", "nvpmodel", f"printf '{said}'")
    shown = CLOCKS.format(1510400, 9)
    put_program(board / "bin", "jetson_clocks", f"printf '{shown}'")

    assert power_mode() == parse_power_mode(said) == "MODE_15W"
    assert clocks_locked() is parse_clocks_locked(shown) is True


def test_clocks_that_may_fall_are_not_locked(board):
    put_program(board / "bin", "jetson_clocks", f"printf '{CLOCKS.format(115200, 9)}'")

    assert clocks_locked() is False


def test_power_is_the_mean_of_the_rails_that_are_the_input(board):
    lines = "echo 'VDD_IN 4000mW/4000mW VDD_CPU 1mW/1mW'; echo 'VDD_IN 6000mW/5000mW'"
    put_program(board / "bin", "tegrastats", f"{lines}; exec sleep 5")

    with PowerLog() as log:
        while len(log._samples) < 2:
            pass

    power = log.of_last(60)
    assert power == {"watts": 5.0, "samples": 2, "rails": ["VDD_IN"], "source": "tegrastats"}


def test_power_of_before_the_last_seconds_does_not_count(board):
    with PowerLog() as log:
        log._samples = [(0.0, {"VDD_IN": 9000})]

    assert log.of_last(1.0) is None


def test_without_tegrastats_there_is_no_power(board):
    with PowerLog() as log:
        pass

    assert log.of_last(60) is None
