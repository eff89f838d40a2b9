import pytest

from edgekit.measure.clocks import clock_limit_mhz, core_clocks_mhz, governors, read_line


@pytest.fixture
def cores(tmp_path):
    """Three cores as the kernel shows them, beside folders that are none."""
    (tmp_path / "cpufreq").mkdir()
    for core, (now, most, governor) in enumerate(
        [("1200000", "2400000", "schedutil"), ("2399998", "2400000", "schedutil"), ("", "", "")]
    ):
        folder = tmp_path / f"cpu{core}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_cur_freq").write_text(f"{now}\n")
        (folder / "scaling_max_freq").write_text(f"{most}\n")
        (folder / "scaling_governor").write_text(f"{governor}\n")
    return tmp_path


def test_every_core_that_tells_has_its_clock(cores):
    assert core_clocks_mhz(cores) == (1200.0, 2399.998)
    assert clock_limit_mhz(cores) == 2400.0


def test_cores_that_differ_have_all_their_governors_named(cores):
    assert governors(cores) == "schedutil"

    (cores / "cpu2/cpufreq/scaling_governor").write_text("performance\n")

    assert governors(cores) == "performance, schedutil"


def test_a_machine_that_hides_its_clocks_has_none(tmp_path):
    assert core_clocks_mhz(tmp_path) == ()
    assert clock_limit_mhz(tmp_path) is None
    assert governors(tmp_path) is None
    assert read_line(tmp_path / "gone") is None
