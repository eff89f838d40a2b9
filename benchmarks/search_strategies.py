"""The search of ``edgekit tune`` beside two simple ones, at equal numbers of evaluations.

Usage: python benchmarks/search_strategies.py [--kernels avx2] [MODEL]

``greedy``: layers go back to float in the order of the damage each does alone, as ``edgekit
inspect --sensitivity`` ranks them, more of them at every step. ``random``: any number of layers,
any of them. All three start with FP32, what a conversion makes and all in INT8, which count.
What was measured is remembered, so that a run that was cut off goes on. Needs EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import only_avx2  # noqa: E402  (a sibling script)
import tuned  # noqa: E402
from cases import open_case  # noqa: E402
from committed import commit  # noqa: E402

from edgekit.cli.flags import cache_folder  # noqa: E402
from edgekit.config.device import find_device  # noqa: E402
from edgekit.measure.machine import describe_machine  # noqa: E402
from edgekit.tune.search import choose, front_of, search  # noqa: E402
from edgekit.tune.sensitivity import SensitivityOptions, measure_sensitivity  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.tune.trials import Trial

SEEDS = (0, 1)
AGREEMENTS = (0.97, 0.98, 0.99, 0.995)
WORST = 0.9  # agreement from which the area under a front counts


def main() -> None:
    """Run the strategies and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="yolov8n")
    parser.add_argument("--kernels", choices=("native", "avx2"), default="native")
    arguments = parser.parse_args()
    device = find_device(only_avx2.device_with(arguments.kernels, cache_folder()))
    kept = cache_folder() / "search-strategies"
    kept.mkdir(parents=True, exist_ok=True)
    case = open_case(arguments.model, device, kept)
    began = time.perf_counter()
    ready = tuned.searched(case)
    own = search([ready.network], ready.bench, tuned.NEED, tuned.EVALUATIONS)
    minutes = (time.perf_counter() - began) / 60
    strategies = {"edgekit": own, "greedy": tried(ready, own, greedy(ready))}
    for seed in SEEDS:
        strategies[f"random {seed}"] = tried(ready, own, random(ready, seed))
    result = {
        "model": arguments.model,
        "kernels": arguments.kernels,
        "machine": vars(describe_machine()),
        "commit": commit(),
        "minutes": round(minutes, 1),
        "layers": len(ready.network.forecaster.layers),
        "forecasts": len(ready.network.forecaster),
        "chosen": choose(own, tuned.NEED).name,
        "strategies": {name: summary(trials) for name, trials in strategies.items()},
    }
    path = HERE / "results" / f"search_strategies_{arguments.kernels}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def tried(
    ready: tuned.Searched, own: tuple[Trial, ...], choices: Iterator[frozenset[str]]
) -> tuple[Trial, ...]:
    """Return the trials all strategies start with, and those of ``choices``, as many as ours."""
    every = frozenset(ready.network.forecaster.layers)
    starts = (every, ready.network.drowned, frozenset())
    trials = [trial for trial in own if trial.in_float in starts]
    for number in range(len(trials), len(own)):
        trials.append(ready.bench.attempt(ready.network, next(choices), f"trial-{number}"))
        tuned.told("search", number + 1, len(own))
    return tuple(trials)


def greedy(ready: tuned.Searched) -> Iterator[frozenset[str]]:
    """Yield more and more layers, the one that does most damage alone first."""
    network = ready.network
    found = measure_sensitivity(
        network.network, ready.bench.search, network.options, SensitivityOptions(draws=1)
    )
    order = [row.layer for row in found.layers]
    counts = np.unique(np.linspace(1, len(order) - 1, tuned.EVALUATIONS).round().astype(int))
    for count in counts.tolist():
        yield frozenset(order[:count])


def random(ready: tuned.Searched, seed: int) -> Iterator[frozenset[str]]:
    """Yield any layers, any number of them."""
    rng = np.random.default_rng(seed)
    layers = ready.network.forecaster.layers
    while True:
        count = int(rng.integers(1, len(layers)))
        yield frozenset(layers[i] for i in rng.permutation(len(layers))[:count])


def summary(trials: tuple[Trial, ...]) -> dict[str, Any]:
    """Return what a strategy found: its front, and how fast it is at some agreements."""
    front = front_of(trials)
    return {
        "evaluations": len(trials),
        "mixed_on_front": sum(t.precision == "mixed" for t in front),
        "area": round(area(front), 5),
        "speedup_at_agreement": {
            str(a): max((t.figures.speedup for t in trials if 1 - t.loss >= a), default=None)
            for a in AGREEMENTS
        },
        "trials": [figures(t, front) for t in trials],
    }


def area(front: tuple[Trial, ...]) -> float:
    """Return the area of agreement above ``WORST`` and speedup above 1 that a front covers."""
    covered, best = 0.0, 0.0
    ends = [t.figures.speedup for t in front[1:]] + [1.0]
    for trial, end in zip(front, ends, strict=True):
        best = max(0.0, 1 - trial.loss - WORST)
        covered += best * max(0.0, trial.figures.speedup - max(1.0, end))
    return covered


def figures(trial: Trial, front: tuple[Trial, ...]) -> dict[str, Any]:
    """Return what was measured of one trial."""
    measured = trial.figures
    return {
        "name": trial.name,
        "layers_float": len(trial.in_float),
        "agreement": measured.agreement and round(measured.agreement, 4),
        "map_drop_points": measured.map_drop_points and round(measured.map_drop_points, 3),
        "p50_ms": round(measured.p50_ms, 3),
        "speedup": round(measured.speedup, 3),
        "speedup_ci95": [round(end, 3) for end in measured.speedup_ci95],
        "front": trial in front,
    }


if __name__ == "__main__":
    main()
