import io

import rich.console

from edgekit.cli.progress import bars


def test_on_a_pipe_nothing_is_drawn(capsys):
    with bars() as progress:
        progress("calibrate", 1, 2)
        progress("calibrate", 2, 2)

    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_every_stage_has_its_bar(monkeypatch):
    screen = io.StringIO()
    console = rich.console.Console
    monkeypatch.setattr(
        rich.console, "Console", lambda stderr: console(file=screen, force_terminal=True, width=80)
    )

    with bars() as progress:
        progress("calibrate", 1, 2)
        progress("detect int8", 0, 0)
        progress("calibrate", 2, 2)

    drawn = screen.getvalue()
    assert "calibrate" in drawn
    assert "detect int8" in drawn
    assert "2/2" in drawn
