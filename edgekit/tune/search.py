"""Which networks to try, and which of those tried to ship."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.errors import DataError
from edgekit.tune.frontier import expected_front, spread_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgekit.tune.network import TunedNetwork
    from edgekit.tune.trials import Bench, Trial

    Choice = frozenset[str]

FIRST = 0.6  # of the evaluations, spread over all that is expected to be best
FINALISTS = 6  # timed again, together
CLOSE = 0.01  # of the time: what lies nearer than that to a trial is not worth another


@dataclass(frozen=True)
class Need:
    """What a network must keep to be shipped.

    Attributes:
        map_drop_points: Most mAP it may lose against FP32; ``None`` where there are no labels.
        agreement: Least agreement with FP32 of its own input size, a fraction.
        p90_ms: Slowest 90th percentile of inference; ``None`` asks for none.
    """

    map_drop_points: float | None
    agreement: float
    p90_ms: float | None = None

    @property
    def words(self) -> str:
        """What is asked for, as a clause."""
        clauses = [f"agrees with FP32 to {100 * self.agreement:g} of 100"]
        if self.map_drop_points is not None:
            clauses.append(f"loses at most {self.map_drop_points:g} points of mAP")
        if self.p90_ms is not None:
            clauses.append(f"takes at most {self.p90_ms:g} ms (p90)")
        return " and ".join(clauses)

    def met(self, trial: Trial) -> bool:
        """Return whether ``trial`` keeps all of it, on the search images."""
        return self.excess(trial) == (0, 0)

    def excess(self, trial: Trial) -> tuple[float, float]:
        """Return by how much ``trial`` misses it: in points of mAP or agreement, and in ms."""
        figures = trial.figures
        over = [0.0]
        if figures.agreement is not None:
            over.append(100 * (self.agreement - figures.agreement))
        if figures.map_drop_points is not None and self.map_drop_points is not None:
            over.append(figures.map_drop_points - self.map_drop_points)
        slow = 0.0 if self.p90_ms is None else max(0.0, figures.p90_ms - self.p90_ms)
        return max(over), slow


def search(
    networks: Sequence[TunedNetwork], bench: Bench, need: Need, evaluations: int
) -> tuple[Trial, ...]:
    """Return what was tried, in the order of trying; FP32 of the first network is the first.

    Of every network FP32, what a conversion makes and all in INT8 are tried, then choices spread
    over all that is expected to be best and no worse than a conversion, then what lies between
    the fastest that keeps what ``need`` asks for and the next faster one, as long as evaluations
    are left. The fastest that keep it are timed once more, all in turn.

    Args:
        networks: One for each input size.
        bench: Where they are tried.
        need: What has to be kept.
        evaluations: How many networks of each size are tried, at most.

    Raises:
        DataError: Neither FP32 nor labels say what is in the search images.
    """
    trials: list[Trial] = []
    for network in networks:
        own: list[Trial] = []
        for choice in _choices(network, own, need, evaluations):
            own.append(bench.attempt(network, choice, _name(network, choice, len(own))))
            _require_a_judge(own[0])
            bench.progress("search", len(own), evaluations)
            if len(own) == evaluations:
                break
        trials += own
    return _confirmed(trials, bench, need)


def _require_a_judge(fp32: Trial) -> None:
    """Raise unless FP32 finds something on the search images, or labels say what is there."""
    if fp32.figures.agreement is None and fp32.figures.map is None:
        raise DataError(
            "--search: expected images in which FP32 is sure of something, or labels, found "
            "neither: nothing tells a good network from a bad one. Give --search images like "
            "those the device will see."
        )


def front_of(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Return the trials that no other is both as fast and as good as, the fastest first."""
    front: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (-t.figures.speedup, t.loss)):
        if not front or trial.loss < front[-1].loss:
            front.append(trial)
    return tuple(front)


def choose(trials: Sequence[Trial], need: Need) -> Trial:
    """Return the trial to ship: the fastest that keeps what ``need`` asks for; else the nearest.

    It has to be surely faster than FP32 of the first size, which is the first trial and is shipped
    where nothing is. Of the fastest, that none of them is surely faster than, the one that loses
    least: speed within the noise is worth no accuracy.
    """
    worth = [trial for trial in trials[1:] if trial.figures.speedup_ci95[0] > 1]
    if fastest := _fastest(worth, need):
        surely = max(trial.figures.speedup_ci95[0] for trial in fastest)
        as_fast = [trial for trial in fastest if trial.figures.speedup_ci95[1] >= surely]
        return min(as_fast, key=lambda trial: trial.loss)
    if need.met(trials[0]):
        return trials[0]
    return min([trials[0], *worth], key=lambda trial: (*need.excess(trial), trial.loss))


def _fastest(trials: Sequence[Trial], need: Need) -> list[Trial]:
    """Return the trials that may be chosen, the fastest first: those that are timed together."""
    met = [trial for trial in trials if need.met(trial)]
    return sorted(met, key=lambda trial: (-trial.figures.speedup, trial.loss))[:FINALISTS]


def _confirmed(trials: Sequence[Trial], bench: Bench, need: Need) -> tuple[Trial, ...]:
    """Return ``trials``, those that may be chosen with times of one run.

    A run may show that others are faster than those in it: it is made again, until none is.
    """
    confirmed: set[str] = set()
    while True:
        finalists = _fastest([trial for trial in trials[1:] if trial.figures.speedup > 1], need)
        if confirmed.issuperset(trial.name for trial in finalists):
            return tuple(trials)
        again = {trial.name: trial for trial in bench.timed_together(finalists)}
        confirmed |= again.keys()
        trials = [again.get(trial.name, trial) for trial in trials]


def _choices(
    network: TunedNetwork, own: Sequence[Trial], need: Need, evaluations: int
) -> Iterator[Choice]:
    """Yield the choices to try one after another, looking at what ``own`` holds by then."""
    every = frozenset(network.forecaster.layers)
    front = expected_front(network.forecaster)
    most = network.forecaster.of(network.drowned).damage
    fit = [choice for choice in front if network.forecaster.of(choice).damage <= most]
    spread = spread_over(fit, network.forecaster, round(FIRST * evaluations))
    yield from dict.fromkeys([every, network.drowned, frozenset(), *spread])
    while (between := _between(network, front, own, need)) is not None:
        yield between


def _between(
    network: TunedNetwork, front: Sequence[Choice], own: Sequence[Trial], need: Need
) -> Choice | None:
    """Return the expected best half way between two trials; ``None`` where no gap is left.

    The gap next to the fastest trial that keeps what is asked for comes first.
    """
    time_of = {choice: network.forecaster.of(choice).time_us for choice in front}
    known = sorted((t for t in own if t.in_float in time_of), key=lambda t: time_of[t.in_float])
    met = next((place for place, trial in enumerate(known) if need.met(trial)), 0)
    for place in sorted(range(1, len(known)), key=lambda p: abs(p - met)):
        low, high = (time_of[trial.in_float] for trial in known[place - 1 : place + 1])
        inside = [choice for choice in front if low < time_of[choice] < high]
        if inside and high - low > CLOSE * high:
            return min(inside, key=lambda c: abs(time_of[c] - (low + high) / 2))
    return None


def _name(network: TunedNetwork, choice: Choice, number: int) -> str:
    size = "x".join(str(side) for side in dict.fromkeys(network.input_hw))
    if not choice:
        return f"int8-{size}"
    every = choice == frozenset(network.forecaster.layers)
    return f"fp32-{size}" if every else f"mixed-{size}-{number}"
