import io
import re

import pytest
import rich.console

from edgekit.cli import progress as module
from edgekit.cli.progress import bars

COLOUR = re.compile(r"\x1b\[[\d;]*3[0-8]")


class Screen(io.StringIO):
    """What a terminal gets, and the time on its clock."""

    now = 0.0


@pytest.fixture
def screen(monkeypatch):
    """A terminal; what is drawn on it can be read."""
    written = Screen()
    console = rich.console.Console
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(
        rich.console,
        "Console",
        lambda stderr: console(
            file=written, force_terminal=True, width=80, get_time=lambda: written.now
        ),
    )
    return written


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)


def test_on_a_pipe_nothing_is_drawn(capsys, impatient):
    with bars() as progress:
        progress("calibrate", 1, 2)
        progress("calibrate", 2, 2)

    assert capsys.readouterr() == ("", "")


def test_every_stage_that_takes_long_has_its_bar_and_the_time_left(screen, impatient):
    with bars() as progress:
        progress("calibrate", 1, 2)
        progress("detect int8", 0, 0)
        progress("calibrate", 2, 2)

    drawn = screen.getvalue()
    assert "calibrate" in drawn
    assert "detect int8" in drawn
    assert "2/2" in drawn
    assert re.search(r"\d\d:\d\d", drawn)


def test_what_takes_less_than_two_seconds_has_none(screen):
    with bars() as progress:
        progress("calibrate", 1, 2)
        progress("calibrate", 2, 2)

    assert "calibrate" not in screen.getvalue()


def test_a_stage_that_says_nothing_for_long_appears_by_itself(screen):
    with bars() as progress:
        progress("simplify", 0, 0)
        early = screen.getvalue()
        screen.now = 2.5

    assert "simplify" not in early
    assert "simplify" in screen.getvalue()


def test_the_same_stage_again_starts_anew(screen, impatient):
    with bars() as progress:
        progress("latency", 100, 100)
        progress("latency", 3, 100)

    assert "3/100" in screen.getvalue().splitlines()[-2]


def test_continuous_integration_is_left_in_peace(screen, impatient, monkeypatch):
    monkeypatch.setenv("CI", "true")

    with bars() as progress:
        progress("calibrate", 1, 2)

    assert screen.getvalue() == ""


def test_no_color_takes_the_colours_away(screen, impatient, monkeypatch):
    def drawn():
        screen.truncate(0)
        with bars() as progress:
            progress("calibrate", 1, 2)
        return screen.getvalue()

    coloured = drawn()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = drawn()

    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)
    assert "calibrate" in plain
