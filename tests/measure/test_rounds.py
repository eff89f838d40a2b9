"""Rounds on workers that stand in for processes: what counts, and what is measured again."""

import os
from itertools import chain, repeat
from types import SimpleNamespace

import pytest

from edgekit.measure import rounds as module
from edgekit.measure.latency import LatencyOptions
from edgekit.measure.power import NoMeter
from edgekit.measure.rounds import take_rounds
from edgekit.measure.timing_worker import Block
from edgekit.measure.watch import Lap
from edgekit.protocols import silent

OPTIONS = LatencyOptions(min_runs=20, min_seconds=0, pause_s=0)


class Worker:
    """Answers blocks that tell when they were taken."""

    def __init__(self, name, log):
        self.name, self.pid, self._log = name, os.getpid(), log

    def time(self, runs):
        self._log.append(self.name)
        return Block((0.0,) * runs, (float(len(self._log)),) * runs, (0.0,) * runs, None, 1)


@pytest.fixture
def watched(monkeypatch):
    """Return ``take(disturbed, **changes)``: rounds of which these are disturbed, in order."""

    def take(disturbed, **changes):
        told = chain(disturbed, repeat(False))
        monkeypatch.setattr(
            module,
            "Watch",
            lambda pids: SimpleNamespace(
                due=True,
                lap=lambda: Lap(2.0 if next(told) else 0.0, 0.0, 1.0, 0.5, 2, None),
            ),
        )
        log = []
        options = LatencyOptions(**vars(OPTIONS) | changes)
        workers = [Worker("a", log), Worker("b", log)]
        return take_rounds(workers, options, NoMeter("none"), silent), log

    return take


def test_candidates_have_their_turns_and_disturbed_rounds_count(watched):
    rounds, log = watched([True] * 2)

    assert log == ["a", "b"] * 4
    assert len(rounds.kept) == 4
    assert [r.lap.disturbed for r in rounds.kept] == [True, True, False, False]
    assert rounds.left_out == 0


def test_disturbed_rounds_are_replaced_where_that_is_asked_for(watched):
    rounds, log = watched([False, True, True], repeat_disturbed=True)

    assert log == ["a", "b"] * 6
    assert not any(r.lap.disturbed for r in rounds.kept)
    assert (len(rounds.kept), rounds.left_out) == (4, 2)
    first = [r.blocks[0].infer_ms[0] for r in rounds.kept]
    assert first == sorted(first)


def test_where_quiet_stays_rare_no_round_is_left_out(watched):
    rounds, log = watched([True] * 100, repeat_disturbed=True)

    assert log == ["a", "b"] * 8
    assert (len(rounds.kept), rounds.left_out) == (8, 0)


def test_a_quiet_run_takes_no_more_rounds(watched):
    rounds, log = watched([], repeat_disturbed=True)

    assert (len(rounds.kept), len(log)) == (4, 8)


def test_rounds_that_take_little_time_share_a_lap():
    log = []

    rounds = take_rounds([Worker("a", log)], OPTIONS, NoMeter("none"), silent)

    assert len(rounds.kept) == 4
    assert len({id(r.lap) for r in rounds.kept}) == 1
