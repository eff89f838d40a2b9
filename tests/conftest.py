"""What every test may ask for: the real data, golden files, and a count of data tests left out."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
DATA_REQUIRED = os.environ.get("EDGEKIT_REQUIRE_DATA") == "1"

skipped_data_tests: set[str] = set()

# The same examples every time, however slow the machine is.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the files under tests/golden"
    )


@pytest.fixture(scope="session")
def one_thread():
    """Torch on one thread: small networks are quicker, and every run rounds alike."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real detectors and images; the test is skipped where there is none."""
    folder = Path(os.environ.get("EDGEKIT_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if folder.is_dir():
        return folder
    reason = "EDGEKIT_DATA names no folder of real detectors and images"
    if DATA_REQUIRED:
        pytest.fail(f"{reason}, and EDGEKIT_REQUIRE_DATA=1 asks for it")
    pytest.skip(reason)


@pytest.fixture
def golden(request) -> Callable[[str, str], None]:
    """Return ``check(name, text)``: fails where ``text`` is not the file of tests/golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        if known != text:
            lines = difflib.unified_diff(
                known.splitlines(), text.splitlines(), f"golden/{name}", "now", lineterm=""
            )
            pytest.fail("\n".join([*lines, "Meant? Run pytest with --update-golden."]))

    return check


def pytest_runtest_logreport(report):
    """Remember each data test that was skipped, also when a worker process ran it."""
    if report.skipped and "data" in report.keywords:
        skipped_data_tests.add(report.nodeid)


def pytest_sessionfinish(session):
    if DATA_REQUIRED and skipped_data_tests:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    if skipped_data_tests:
        terminalreporter.write_line(
            f"tests of real data skipped: {len(skipped_data_tests)}", yellow=True
        )
