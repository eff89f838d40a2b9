"""How often the 95 % intervals of percentiles hold the true one, on times that hang together.

Usage: python benchmarks/percentile_coverage.py [--trials N]

Made-up times, so that the true percentile is known: log-normal, half of their variance a state of
the machine that rounds of five runs share and pass on to the next ones. Nothing is timed here.
Beside edgekit's intervals stand those of whole rounds drawn anew, on fewer of the same trials.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.measure.early_stopping import early_stopping_estimate
from edgekit.measure.percentiles import percentile_interval

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from committed import commit  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESULT = HERE / "results" / "percentile_coverage.json"
ROUNDS = (20, 40, 80)
RUNS = 5
MEMORIES = (None, 0.0, 0.5, 0.8)
PERCENTILES = (0.5, 0.9, 0.99)
SPREAD = 0.15
RESAMPLED_TRIALS = 200
RESAMPLES = 500


def main() -> None:
    """Simulate and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    rows = [
        {"rounds": rounds, "memory": memory, **coverage(rounds, memory, arguments.trials)}
        for rounds in ROUNDS
        for memory in MEMORIES
    ]
    result = {"commit": commit(), "trials": arguments.trials, "runs": RUNS, "rows": rows}
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def coverage(rounds: int, memory: float | None, trials: int) -> dict[str, Any]:
    """Return how often intervals hold the true percentile, and how often there is one."""
    rng = np.random.default_rng(rounds)
    drawn = [times(rng, rounds, memory) for _ in range(trials)]
    found: dict[str, Any] = {}
    for percentile in PERCENTILES:
        true = true_percentile(percentile)
        bounds = [b for one in drawn if (b := percentile_interval(one, percentile)) is not None]
        held = [low <= true <= high for low, high in bounds]
        drawn_anew = [resampled(rng, one, percentile) for one in drawn[:RESAMPLED_TRIALS]]
        found[f"p{100 * percentile:.0f}"] = {
            "covered": float(np.mean(held)) if held else None,
            "bounded": len(bounds) / trials,
            "resampled": float(np.mean([low <= true <= high for low, high in drawn_anew])),
        }
    estimates = [early_stopping_estimate(one.ravel().tolist()) for one in drawn]
    above = [e >= true_percentile(0.9) for e in estimates if e is not None]
    return {**found, "early_stopping_above": float(np.mean(above))}


def resampled(
    rng: np.random.Generator, rounds: NDArray[np.float64], percentile: float
) -> tuple[float, float]:
    """Return the interval that whole rounds drawn anew give: what is usual, and not used."""
    draws = rng.integers(0, len(rounds), (RESAMPLES, len(rounds)))
    found = np.quantile(rounds[draws].reshape(RESAMPLES, -1), percentile, axis=1)
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def times(rng: np.random.Generator, rounds: int, memory: float | None) -> NDArray[np.float64]:
    """Return ``(rounds, RUNS)`` times; ``None`` remembers nothing, not even within a round.

    Args:
        rng: Draws them.
        rounds: How many.
        memory: What a round keeps of the state of the one before, 0 to 1.
    """
    noise = rng.normal(size=(rounds, RUNS))
    if memory is None:
        return np.exp(SPREAD * noise)
    state = rng.normal(size=rounds)
    for i in range(1, rounds):
        state[i] = memory * state[i - 1] + np.sqrt(1 - memory**2) * state[i]
    return np.exp(SPREAD * np.sqrt(0.5) * (state[:, None] + noise))


def true_percentile(percentile: float) -> float:
    """Return the time that this share of all runs stays below."""
    return float(np.exp(SPREAD * NormalDist().inv_cdf(percentile)))


if __name__ == "__main__":
    main()
