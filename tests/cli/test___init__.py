import subprocess
import sys
import time

import pytest

from edgekit.errors import ConfigError, MissingExtraError, ParityError
from edgekit.pipeline import doctor as pipeline


@pytest.mark.parametrize(("error", "code"), [(ConfigError, 2), (MissingExtraError, 3)])
def test_an_error_raised_on_purpose_is_one_message_and_its_code(edgekit, monkeypatch, error, code):
    def fail():
        raise error("What, where, why. Do this.")

    monkeypatch.setattr(pipeline, "diagnose", fail)

    ended = edgekit("doctor")

    assert ended.code == code
    assert ended.stderr == "edgekit: What, where, why. Do this.\n"
    assert ended.stdout == ""


def test_a_stage_that_fails_ends_with_four(edgekit, monkeypatch):
    def fail():
        raise ParityError("The fold of Conv_3 changed what it computes.")

    monkeypatch.setattr(pipeline, "diagnose", fail)

    assert edgekit("doctor").code == 4


def test_a_defect_of_our_own_is_shown_and_told_from_a_missed_budget(edgekit, monkeypatch):
    def fail():
        raise ZeroDivisionError("the place to look at")

    monkeypatch.setattr(pipeline, "diagnose", fail)

    ended = edgekit("doctor")

    assert ended.code == 4
    assert "Traceback" in ended.stderr
    assert "the place to look at" in ended.stderr
    assert ended.stderr.endswith("Please report the lines above.\n")


def test_a_stop_by_the_user_is_told_from_a_missed_budget(edgekit, monkeypatch):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "diagnose", stop)

    assert edgekit("doctor").code == 130


def test_a_conversion_told_to_end_leaves_nothing_behind(tiny, tmp_path):
    command = [sys.executable, "-m", "edgekit", "convert", tiny.model, "--target", "ort-cpu-int8"]
    command += ["--calib", tiny.calib, "--eval", tiny.labels, "--out", tmp_path / "out"]

    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        while not list(tmp_path.iterdir()) and run.poll() is None:
            time.sleep(0.01)
        run.terminate()
        code = run.wait(60)

    assert code == 130
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_defect(out, tiny):
    command = [sys.executable, "-m", "edgekit", "run", out, tiny.calib, "--json"]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        first = run.stdout.readline()
        run.stdout.close()
        told = run.stderr.read()

    assert first.startswith('{"image"')
    assert "Traceback" not in told
