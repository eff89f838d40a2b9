from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import DataError
from edgekit.tune.frontier import expected_front
from edgekit.tune.search import CLOSE, FINALISTS, Need, choose, front_of, search
from tests.tune.chains import Chain, ChainBench, ChainNetwork, made_trial

CHAIN = Chain(
    slower=(9.0, 5.0, 7.0, 3.0, 11.0, 2.0, 6.0, 8.0),
    damages=(4.0, 0.5, 2.0, 0.25, 1.0, 3.0, 0.75, 0.1),
)
NETWORK = ChainNetwork(CHAIN, drowned=frozenset({"layer0"}))
KEEP_95 = Need(map_drop_points=None, agreement=0.95)
FP32 = made_trial("fp32", speedup=1.0, agreement=1.0, precision="fp32")

trials = st.lists(
    st.builds(
        made_trial,
        st.just("mixed"),
        speedup=st.integers(8, 20).map(lambda tenths: tenths / 10),
        agreement=st.integers(90, 100).map(lambda points: points / 100),
        drop=st.integers(-2, 5).map(float),
    ),
    max_size=8,
).map(lambda mixed: [FP32, *mixed])


def test_fp32_what_a_conversion_makes_and_all_in_int8_come_first():
    bench = ChainBench()

    found = search([NETWORK], bench, KEEP_95, 12)

    every, drowned, none = (choice for _, choice in bench.tried[:3])
    assert (every, drowned, none) == (frozenset(CHAIN.layers), NETWORK.drowned, frozenset())
    assert [name for name, _ in bench.tried[:4]] == [
        "fp32-64",
        "mixed-64-1",
        "int8-64",
        "mixed-64-3",
    ]
    assert [trial.name for trial in found] == [name for name, _ in bench.tried]


def test_the_fastest_that_keep_what_is_asked_are_timed_again_together():
    bench = ChainBench()

    found = search([NETWORK], bench, KEEP_95, 12)

    kept = [t for t in found[1:] if t.figures.agreement >= 0.95 and t.figures.speedup > 1]
    fastest = sorted(kept, key=lambda t: -t.figures.speedup)[:FINALISTS]
    assert bench.finalists == [trial.name for trial in fastest]


def test_times_of_the_last_run_count():
    class Slower(ChainBench):
        """A bench on which every finalist turns out slower than FP32."""

        def timed_together(self, trials):
            return tuple(made_trial(t.name, speedup=0.9, in_float=t.in_float) for t in trials)

    found = search([NETWORK], Slower(), KEEP_95, 6)

    assert choose(found, KEEP_95) is found[0]


def test_what_may_be_chosen_was_timed_together():
    class Sobering(ChainBench):
        """A bench on which what is timed again is a third slower."""

        def timed_together(self, trials):
            again.append([trial.name for trial in trials])
            return tuple(
                made_trial(t.name, speedup=t.figures.speedup / 1.33, in_float=t.in_float)
                for t in trials
            )

    again = []
    slow_in_float = ChainNetwork(Chain(slower=(60.0,) * 10, damages=(0.2,) * 10))

    found = search([slow_in_float], Sobering(), KEEP_95, 14)

    assert len(again) > 1
    assert choose(found, KEEP_95).name in {name for names in again for name in names}


def test_no_network_is_tried_twice_and_no_more_than_asked():
    for evaluations in (3, 5, 8, 12, 40):
        bench = ChainBench()

        found = search([NETWORK], bench, KEEP_95, evaluations)

        choices = [choice for _, choice in bench.tried]
        assert len(set(choices)) == len(choices) == len(found) <= evaluations
    assert len(found) < 40  # a small network has no more that is worth it


def test_where_nothing_drowns_a_conversion_makes_all_in_int8():
    bench = ChainBench()

    search([ChainNetwork(CHAIN)], bench, KEEP_95, 3)

    assert [name for name, _ in bench.tried][:2] == ["fp32-64", "int8-64"]


def test_what_is_left_is_spent_next_to_the_fastest_that_keeps_what_is_asked():
    rng = np.random.default_rng(1)
    long = Chain(*(tuple(rng.uniform(0.1, most, 16).tolist()) for most in (30, 1)))
    front = expected_front(long)
    bench = ChainBench()

    search([ChainNetwork(long)], bench, KEEP_95, 20)

    spread, later = bench.tried[: 1 + 12], bench.tried[1 + 12 :]
    assert len(later) == 7
    known = sorted(long.of(choice).time_us for _, choice in spread if choice in front)
    enough = min(long.of(choice).time_us for choice in front if long.of(choice).damage <= 5)
    low = max(time_us for time_us in known if time_us < enough)
    high = min(time_us for time_us in known if time_us >= enough)
    assert low < long.of(later[0][1]).time_us < high
    met = [choice for _, choice in bench.tried if long.of(choice).damage <= 5]
    assert min(long.of(choice).time_us for choice in met) <= (1 + CLOSE) * enough < high


def test_nothing_is_spread_where_more_is_lost_than_a_conversion_loses():
    rng = np.random.default_rng(2)
    long = Chain(*(tuple(rng.uniform(0.1, most, 16).tolist()) for most in (30, 1)))
    drowned = frozenset(long.layers[:8])
    bench = ChainBench()

    search([ChainNetwork(long, drowned)], bench, KEEP_95, 12)

    first = 3 + 7  # of the twelve: those every search begins with, and those spread
    most = long.of(drowned).damage
    assert all(long.of(choice).damage <= most for _, choice in bench.tried[3:first])
    assert any(long.of(choice).damage > most for choice in expected_front(long))


def test_every_size_has_evaluations_of_its_own_and_names_with_its_size():
    small = ChainNetwork(CHAIN, input_hw=(32, 48))
    bench = ChainBench()

    found = search([NETWORK, small], bench, KEEP_95, 4)

    assert [trial.name for trial in found] == [
        *("fp32-64", "mixed-64-1", "int8-64", "mixed-64-3"),
        *("fp32-32x48", "int8-32x48", "mixed-32x48-2", "mixed-32x48-3"),
    ]


def test_progress_is_told_after_every_trial():
    told = []
    bench = ChainBench(progress=lambda *step: told.append(step))

    search([NETWORK], bench, KEEP_95, 3)

    assert told == [("search", 1, 3), ("search", 2, 3), ("search", 3, 3)]


@given(trials=trials)
def test_the_front_is_what_no_other_is_both_as_fast_and_as_good_as(trials):
    front = front_of(trials)

    for trial in trials:
        beaten = any(
            other.figures.speedup >= trial.figures.speedup
            and other.loss <= trial.loss
            and (other.figures.speedup, other.loss) != (trial.figures.speedup, trial.loss)
            for other in trials
        )
        alike = any(
            (other.figures.speedup, other.loss) == (trial.figures.speedup, trial.loss)
            for other in front
        )
        assert alike is not beaten
    speeds = [trial.figures.speedup for trial in front]
    assert speeds == sorted(set(speeds), reverse=True)


@given(trials=trials)
def test_the_fastest_that_keeps_what_is_asked_is_chosen(trials):
    need = Need(map_drop_points=1.0, agreement=0.95)

    choice = choose(trials, need)

    assert need.met(choice)  # FP32 itself loses nothing
    better = [t for t in trials[1:] if need.met(t) and t.figures.speedup_ci95[0] > 1]
    if not better:
        assert choice is FP32
        return
    assert choice in better
    # No interval of a made trial reaches that of another that is 0.1 faster.
    assert choice.figures.speedup == max(t.figures.speedup for t in better)
    assert choice.loss == min(t.loss for t in better if t.figures.speedup == choice.figures.speedup)


def test_fp32_is_chosen_where_nothing_is_surely_faster():
    maybe = made_trial("maybe", speedup=1.4, sure=False)

    assert choose([FP32, maybe], KEEP_95) is FP32


def test_of_two_as_fast_the_one_that_loses_less_is_chosen():
    worse, better = made_trial("worse", agreement=0.96), made_trial("better", agreement=0.97)

    assert choose([FP32, worse, better], KEEP_95) is better


def test_speed_within_the_noise_is_worth_no_accuracy():
    fast = made_trial("fast", speedup=1.61, agreement=0.96)
    exact = made_trial("exact", speedup=1.6, agreement=0.98)
    slow = made_trial("slow", speedup=1.55, agreement=0.99)  # surely slower than the first

    assert choose([FP32, slow, exact, fast], KEEP_95) is exact


def test_where_nothing_keeps_what_is_asked_the_nearest_is_chosen():
    need = Need(map_drop_points=None, agreement=0.95, p90_ms=5.0)
    fast = made_trial("fast", agreement=0.99, p90=6.0)
    exact = made_trial("exact", agreement=1.0, p90=9.0)
    wrong = made_trial("wrong", agreement=0.5, p90=4.0)

    choice = choose([FP32, exact, wrong, fast], need)

    assert choice is fast
    assert not need.met(choice)


@pytest.mark.parametrize(
    ("need", "excess"),
    [
        (Need(None, 0.95), (0.0, 0.0)),
        (Need(None, 0.995), (0.5, 0.0)),
        (Need(1.0, 0.95), (0.5, 0.0)),
        (Need(1.0, 1.0), (1.0, 0.0)),
        (Need(1.5, 0.99, 19.5), (0.0, 0.5)),
        (Need(0.0, 0.95, 20.0), (1.5, 0.0)),
    ],
)
def test_what_is_missed_is_told_in_points_and_in_milliseconds(need, excess):
    trial = made_trial("mixed", agreement=0.99, drop=1.5, p90=20.0)

    assert need.excess(trial) == pytest.approx(excess)
    assert need.met(trial) is (excess == (0.0, 0.0))


def test_a_budget_of_nothing_is_kept_by_what_loses_nothing():
    need = Need(map_drop_points=0.0, agreement=0.95)

    assert need.met(made_trial("gains", drop=-0.1))
    assert need.met(made_trial("same", drop=0.0))
    assert not need.met(made_trial("loses", drop=0.01))


def test_where_fp32_is_sure_of_nothing_labels_alone_judge():
    need = Need(map_drop_points=1.0, agreement=0.95)

    assert need.met(made_trial("right", agreement=None, drop=0.5))
    assert not need.met(made_trial("wrong", agreement=None, drop=1.5))


def test_a_search_that_nothing_can_judge_is_refused():
    class Blind(ChainBench):
        """A bench whose images are empty to FP32."""

        def attempt(self, network, in_float, name):
            return made_trial(name, agreement=None, in_float=in_float)

    with pytest.raises(DataError, match=r"--search: .* found neither"):
        search([NETWORK], Blind(), KEEP_95, 6)


def test_what_is_asked_for_is_told_in_words():
    assert Need(None, 0.95).words == "agrees with FP32 to 95 of 100"
    assert Need(0.5, 0.9, 12.0).words == (
        "agrees with FP32 to 90 of 100 and loses at most 0.5 points of mAP and takes at most "
        "12 ms (p90)"
    )
