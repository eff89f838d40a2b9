import pytest

from edgekit.config import host
from edgekit.config.host import read_host

X86 = "processor : 0\nmodel name\t: Some CPU @ 2.00GHz\nflags\t\t: fpu avx2 avx512_vnni\n\n"
ARM = "processor : 0\nBogoMIPS : 108.00\nFeatures : fp asimd asimddp\n"


@pytest.fixture
def files(monkeypatch, tmp_path):
    monkeypatch.setattr(host, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(host, "_BOARD", tmp_path / "model")
    return tmp_path


def test_x86_linux_tells_its_name_and_flags(files):
    (files / "cpuinfo").write_text(X86)

    found = read_host()

    assert found.name == "Some CPU @ 2.00GHz"
    assert found.flags == {"fpu", "avx2", "avx512_vnni"}


def test_a_board_is_called_by_its_own_name(files):
    (files / "cpuinfo").write_text(ARM)
    (files / "model").write_text("Some Board Rev 1.0\0")

    found = read_host()

    assert found.name == "Some Board Rev 1.0"
    assert found.flags == {"fp", "asimd", "asimddp"}


def test_a_system_that_tells_nothing_still_gives_a_host(files, monkeypatch):
    monkeypatch.setattr(host.sys, "platform", "win32")

    found = read_host()

    assert found.flags == frozenset()
    assert found.cores >= 1
    assert found.memory_mib > 0


def test_apple_silicon_has_the_dot_product(files, monkeypatch):
    monkeypatch.setattr(host.sys, "platform", "darwin")
    monkeypatch.setattr(host.platform, "machine", lambda: "arm64")

    assert read_host().flags == {"asimd", "asimddp"}


def test_cores_are_those_the_process_may_use(monkeypatch):
    monkeypatch.setattr(host.psutil, "cpu_count", lambda logical=True: 64)
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)

    assert read_host().cores == 3


def test_without_affinity_all_physical_cores_count(monkeypatch):
    monkeypatch.setattr(host.psutil, "cpu_count", lambda logical=True: None if not logical else 8)
    monkeypatch.delattr(host.os, "sched_getaffinity", raising=False)

    assert read_host().cores == 8
