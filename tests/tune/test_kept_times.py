import pytest

from edgekit.backends.node_times import NodeTimes
from edgekit.tune.forecast import Times
from edgekit.tune.kept_times import kept_times

KEY = ("graph", "runtime")
TIMES = Times(NodeTimes({"a": 1.5}, 0.5), NodeTimes({"a": 1.0, "b": 2.0}, 0.25), 0.001)


class Stopwatch:
    """Takes the same times whenever asked, and counts how often it was."""

    def __init__(self):
        self.taken = 0

    def __call__(self):
        self.taken += 1
        return TIMES


def test_times_are_taken_once(tmp_path):
    first, second = Stopwatch(), Stopwatch()

    assert kept_times(tmp_path / "cache", KEY, first) == TIMES
    assert kept_times(tmp_path / "cache", KEY, second) == TIMES
    assert (first.taken, second.taken) == (1, 0)


def test_those_of_another_network_are_others(tmp_path):
    watch = Stopwatch()

    kept_times(tmp_path, KEY, watch)
    kept_times(tmp_path, ("another", "runtime"), watch)

    assert watch.taken == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"in_float": {}}'])
def test_a_file_that_was_changed_is_taken_anew(tmp_path, content):
    watch = Stopwatch()
    kept_times(tmp_path, KEY, watch)
    (file,) = tmp_path.iterdir()
    file.write_text(content)

    assert kept_times(tmp_path, KEY, watch) == TIMES
    assert watch.taken == 2


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    watch = Stopwatch()

    kept_times(None, KEY, watch)
    kept_times(None, KEY, watch)

    assert watch.taken == 2
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_costs_no_result(tmp_path, caplog):
    (tmp_path / "cache").write_text("a file")

    assert kept_times(tmp_path / "cache", KEY, Stopwatch()) == TIMES
    assert "EDGEKIT_CACHE" in caplog.text
