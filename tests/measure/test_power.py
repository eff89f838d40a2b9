"""RAPL on files that stand in for the kernel's."""

import os

import pytest

from edgekit.measure.power import Bill, Counter, NoMeter, Rapl, find_rapl


def make_zone(powercap, number, name, energy):
    zone = powercap / f"intel-rapl:{number}"
    zone.mkdir(parents=True)
    (zone / "name").write_text(f"{name}\n")
    (zone / "max_energy_range_uj").write_text("1000000\n")
    (zone / "energy_uj").write_text(f"{energy}\n")
    return zone / "energy_uj"


def test_the_energy_between_two_readings_is_the_same_across_a_wrap_around(tmp_path):
    counter = Counter(tmp_path, wraps_at=1_000_000)

    assert counter.joules_between(200_000, 700_000) == pytest.approx(0.5)
    assert counter.joules_between(900_000, 400_000) == pytest.approx(0.5)
    assert counter.joules_between(5, 5) == 0


def test_each_candidate_pays_for_its_own_blocks(tmp_path):
    energy = make_zone(tmp_path, 0, "package-0", 100)
    make_zone(tmp_path, "0:0", "core", 0)
    make_zone(tmp_path, 1, "psys", 0)
    meter = find_rapl(tmp_path)
    assert isinstance(meter, Rapl)
    assert [c.path for c in meter.counters] == [energy]

    with meter:
        with meter.during("a", frames=2):
            energy.write_text("30100")
        energy.write_text("999900")  # between the blocks: nobody pays
        with meter.during("b", frames=1):
            energy.write_text("9900")
        with meter.during("a", frames=2):
            energy.write_text("19900")

    assert meter.use("a").mj_per_frame == pytest.approx((30 + 10) / 4)
    assert meter.use("b").mj_per_frame == pytest.approx(10)
    assert meter.use("a").mean_w > 0
    assert "package" in meter.use("a").source


def test_two_packages_are_added_up(tmp_path):
    counters = [make_zone(tmp_path, n, f"package-{n}", 0) for n in (0, 1)]
    meter = find_rapl(tmp_path)

    with meter.during("a", frames=1):
        for counter in counters:
            counter.write_text("4000")

    assert meter.use("a").mj_per_frame == pytest.approx(8)


def test_a_counter_that_stands_still_tells_nothing(tmp_path):
    make_zone(tmp_path, 0, "package-0", 100)
    meter = find_rapl(tmp_path)

    with meter.during("a", frames=1):
        pass

    assert meter.use("a") is None
    assert Bill().use("nothing booked") is None


def test_without_counters_the_reason_is_told(tmp_path):
    meter = find_rapl(tmp_path)

    with meter, meter.during("a", frames=1):
        pass

    assert isinstance(meter, NoMeter)
    assert "RAPL" in meter.source
    assert meter.use("a") is None


@pytest.mark.skipif(os.name == "nt", reason="files without a mode")
def test_counters_that_only_root_reads_say_how_to_allow_it(tmp_path, monkeypatch):
    make_zone(tmp_path, 0, "package-0", 0)

    def refused(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Counter, "read", refused)
    meter = find_rapl(tmp_path)

    assert isinstance(meter, NoMeter)
    assert "Permission denied" in meter.source
    assert "chmod a+r" in meter.source
