from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from edgekit.tune.outcome import SHOWN, Outcome, Sized
from edgekit.tune.search import Need
from tests.tune.chains import Chain, ChainNetwork, made_trial

NEED = Need(map_drop_points=None, agreement=0.95)
FP32 = made_trial("fp32-64", speedup=1.0, agreement=1.0, precision="fp32")


@dataclass(frozen=True)
class Images:
    """Twenty images, in place of the search set."""

    records: tuple[int, ...] = tuple(range(20))


@pytest.fixture(scope="module")
def outcome():
    """Return a maker of what was found at one size, FP32 first."""
    chain = Chain((1.0, 2.0), (1.0, 1.0))
    chain_job = SimpleNamespace(sets=SimpleNamespace(search=Images()))
    small = Sized(SimpleNamespace(name="small"), ChainNetwork(chain, input_hw=(32, 32)))

    def make(*mixed, need=NEED):
        first = Sized(chain_job, ChainNetwork(CountedChain(chain.slower, chain.damages)))
        return Outcome((first, small), (FP32, *mixed), need, remembered=2)

    return make


class CountedChain(Chain):
    """A chain that looked at seven choices."""

    def __len__(self):
        return 7


def line(count):
    """Trials each faster and less exact than the one before."""
    return [
        made_trial(f"mixed-{n}", speedup=1.1 + n / 10, agreement=0.999 - n / 1000)
        for n in range(count)
    ]


def test_the_front_the_choice_and_what_a_conversion_makes_get_rows(outcome):
    beaten = made_trial("converted", speedup=1.05, agreement=0.96)
    found = outcome(beaten, *line(20))

    shown = [trial.name for trial in found.shown()]

    assert shown[0] == "converted"
    assert {"mixed-0", "mixed-19"} <= set(shown)
    assert len(shown) <= SHOWN + 2
    assert found.row_name in shown


def test_a_short_front_is_shown_whole_and_nothing_twice(outcome):
    trials = line(4)

    assert outcome(*trials).shown() == tuple(trials)


def test_fp32_has_the_name_of_its_row(outcome):
    found = outcome(made_trial("slow", speedup=0.9))

    assert (found.choice, found.row_name, found.met) == (FP32, "fp32", True)
    assert found.shown() == (found.trials[1],)


def test_the_job_is_that_of_the_size_that_was_chosen(outcome):
    small = made_trial("mixed-32", speedup=3.0, input_hw=(32, 32))

    assert outcome(*line(3), small).job.name == "small"


def test_what_is_missed_is_told(outcome):
    found = outcome(*line(2), need=Need(None, 0.95, p90_ms=1.0))

    assert not found.met
    assert found.shortfall == (
        "found nothing that agrees with FP32 to 95 of 100 and takes at most 1 ms (p90) on the "
        "search images"
    )


def test_the_report_says_of_every_trial_what_it_is_worth(outcome):
    far = made_trial("far", speedup=1.2, agreement=0.9, in_float=frozenset({"layer0"}))
    found = Outcome(outcome().sizes[:1], (FP32, *line(2), far), NEED, remembered=2)

    part = found.part()

    assert (part.images, part.layers, part.expected, part.remembered) == (20, 2, 7, 2)
    assert [t.name for t in part.trials] == ["fp32", "mixed-0", "mixed-1", "far"]
    assert [t.met for t in part.trials] == [True, True, True, False]
    assert [t.front for t in part.trials] == [True, True, True, False]
    assert part.choice.name == part.chosen == "mixed-1"
    assert part.trials[-1].layers_float == 1
