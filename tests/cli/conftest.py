"""The command line, called in this process with the timing kept short."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from edgekit import optional
from edgekit.cli import main
from edgekit.measure import latency
from edgekit.pipeline.convert import convert
from tests.pipeline.tiny import BRIEF, Tiny, make_tiny


@dataclass(frozen=True)
class Outcome:
    """What a command ended with, and what it wrote where."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def out(tiny, tmp_path_factory):
    """A folder that a complete conversion wrote; read only."""
    folder = tmp_path_factory.mktemp("converted") / "out"
    convert(tiny.model, tiny.options(folder))
    return folder


@pytest.fixture
def without_package(monkeypatch):
    """Return ``remove(name)``: the optional package is then as if it were not installed."""
    known = optional.importlib.import_module

    def remove(name):
        def imported(asked):
            if asked == name:
                raise ModuleNotFoundError(name=asked)
            return known(asked)

        monkeypatch.setattr(optional.importlib, "import_module", imported)

    return remove


@pytest.fixture
def edgekit(monkeypatch, capsys, tmp_path_factory):
    """Return ``call(*arguments)``, which gives an ``Outcome``."""
    monkeypatch.setattr(latency, "LatencyOptions", lambda **_: BRIEF)
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path_factory.mktemp("cache")))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["edgekit", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        written = capsys.readouterr()
        return Outcome(code, written.out, written.err)

    return call
