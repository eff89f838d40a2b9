from __future__ import annotations

import logging

import pytest

from edgekit.tune.journal import Figures, Journal

FIGURES = Figures(
    agreement=0.1 + 0.2,
    map=0.4,
    map_drop_points=-0.5,
    map_drop_ci95=(-1.0, 0.25),
    p50_ms=1.5,
    p90_ms=2.0,
    speedup=1.25,
    speedup_ci95=(1.0, 1.5),
)
UNLABELLED = Figures(None, None, None, None, 1.5, 2.0, 1.25, (1.0, 1.5))


class Bench:
    """Counts how often something is measured."""

    def __init__(self, figures=FIGURES):
        self.figures, self.measured = figures, 0

    def __call__(self):
        self.measured += 1
        return self.figures


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache/trials.jsonl"


@pytest.mark.parametrize("figures", [FIGURES, UNLABELLED])
def test_what_an_earlier_search_measured_is_not_measured_again(path, figures):
    Journal(path).remembered(("a", "b"), lambda: figures)
    bench = Bench()
    again = Journal(path)

    assert again.remembered(("a", "b"), bench) == figures
    assert (bench.measured, len(again.recalled)) == (0, 1)


def test_within_a_search_everything_is_measured_once(path):
    bench, journal = Bench(), Journal(path)

    assert [journal.remembered(("a",), bench) for _ in range(3)] == [FIGURES] * 3
    assert (bench.measured, path.read_text().count("p50_ms")) == (1, 1)


def test_another_key_is_another_network(path):
    bench, journal = Bench(), Journal(path)

    for key in [("a", "b"), ("a b",), ("a", "b", ""), ("b", "a")]:
        journal.remembered(key, bench)

    assert (bench.measured, path.read_text().count("p50_ms")) == (4, 4)


def test_what_was_measured_before_the_end_of_a_search_is_kept(path):
    journal = Journal(path)
    journal.remembered(("a",), Bench())

    with pytest.raises(KeyboardInterrupt):
        journal.remembered(("b",), interrupted)

    bench, again = Bench(), Journal(path)
    again.remembered(("a",), bench)
    again.remembered(("b",), bench)
    assert bench.measured == 1


def interrupted():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line[: len(line) // 2],
        lambda line: "not json",
        lambda line: "[]",
        lambda line: "{}",
        lambda line: line.replace("p50_ms", "p51_ms"),
        lambda line: line.replace("[1.0, 1.5]", "1.0"),
        lambda line: "\xff\x00",
    ],
)
def test_a_line_that_is_not_whole_is_left_out_and_those_around_it_are_kept(path, spoil):
    journal = Journal(path)
    for key in ("a", "b", "c"):
        journal.remembered((key,), Bench())
    first, second, third = path.read_text().split("\n")[1:]

    path.write_text("\n".join(["", first, spoil(second), third]), encoding="latin-1")

    bench, again = Bench(), Journal(path)
    for key in ("a", "b", "c"):
        again.remembered((key,), bench)
    assert bench.measured == 1


def test_a_search_goes_on_behind_a_line_that_was_cut_short(path):
    Journal(path).remembered(("a",), Bench())
    path.write_text(path.read_text()[:30])

    Journal(path).remembered(("b",), Bench())

    bench, again = Bench(), Journal(path)
    again.remembered(("b",), bench)
    assert bench.measured == 0


def test_without_a_path_nothing_outlives_the_search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    journal, bench = Journal(None), Bench()

    journal.remembered(("a",), bench)
    journal.remembered(("a",), bench)

    assert bench.measured == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_once_and_the_search_goes_on(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    journal, bench = Journal(tmp_path / "file/trials.jsonl"), Bench()

    with caplog.at_level(logging.WARNING):
        for key in ("a", "b", "a"):
            journal.remembered((key,), bench)

    assert bench.measured == 2
    assert [r.getMessage().count("EDGEKIT_CACHE") for r in caplog.records] == [1]
