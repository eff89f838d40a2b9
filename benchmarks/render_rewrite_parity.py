"""What results/rewrite_parity.json says, as two tables and two sentences."""

from __future__ import annotations

from typing import Any

import render_digits

ROUNDING = {
    "folded from unfolded, float32": "rewritten_from_unchanged",
    "unfolded, float32 from float64": "unchanged_from_float64",
    "folded, float32 from float64": "rewritten_from_float64",
    "folded from unfolded, float64": "float64",
    "noise": "noise",
}
FOUND = {"the whole network": "network", "its layer": "layer", "either": "either"}
KINDS = ("of chance", "real")


def rounding(result: dict[str, Any]) -> list[str]:
    """Return one line for every network: the worst of its weights, and how the noise bounds it."""
    if not result:
        return [""]
    lines = ["", *render_digits.head(["Network", *ROUNDING, "times the noise"])]
    for name, network in result.items():
        runs = network["rounding"]
        title = name if network["weights"] == "of chance" else f"{name}, real weights"
        largest = [f"{max(run[key] for run in runs):.1e}" for key in ROUNDING.values()]
        asked = [f"{times:.1f}" for times in _times(runs)]
        lines.append(render_digits.line([title, *largest, ", ".join(asked) or "not asked"]))
    return [*lines, "", _bounds(result), ""]


def _bounds(result: dict[str, Any]) -> str:
    runs = [(name, run) for name, network in result.items() for run in network["rounding"]]
    times = _times([run for _, run in runs])
    asked = f", by {min(times):.1f} to {max(times):.1f} times their noise" if times else ""
    refused = [name for name, run in runs if run["refused"]]
    named = f" ({', '.join(refused)})" if refused else ""
    return (
        f"Of {len(runs)} exact folds {len(times)} differed by more than the tolerance{asked}; "
        f"{len(refused)} would be refused all the same{named}."
    )


def _times(runs: list[dict[str, Any]]) -> list[float]:
    return [run["times_noise"] for run in runs if run["times_noise"] is not None]


def wrong(result: dict[str, Any]) -> list[str]:
    """Return how many wrong layers were found, one line for every way of making them wrong."""
    if not result:
        return [""]
    columns = [f"{by}, weights {kind}" for kind in KINDS for by in FOUND]
    lines = ["", *render_digits.head(["Change", *columns])]
    parts = [_by_change(result, kind) for kind in KINDS]
    for change in dict.fromkeys(change for part in parts for change in part):
        cells = [_cell(part.get(change), key) for part in parts for key in FOUND.values()]
        lines.append(render_digits.line([change, *cells]))
    return [*lines, "", _slips(result), ""]


def _by_change(result: dict[str, Any], kind: str) -> dict[str, dict[str, int]]:
    """Return the counts of all networks of a kind added up."""
    totals: dict[str, dict[str, int]] = {}
    for network in result.values():
        if network["weights"] == kind:
            for change, counts in network["wrong"]["changes"].items():
                total = totals.setdefault(change, dict.fromkeys(counts, 0))
                totals[change] = {key: total[key] + counts[key] for key in counts}
    return totals


def _cell(counts: dict[str, int] | None, key: str) -> str:
    return "" if counts is None else f"{counts[key]} of {counts['tried']}"


def _slips(result: dict[str, Any]) -> str:
    totals = [counts for kind in KINDS for counts in _by_change(result, kind).values()]
    tried, either = (sum(counts[key] for counts in totals) for key in ("tried", "either"))
    missed = [
        f"{slip['change']} in `{slip['node']}` of {name}"
        for name, network in result.items()
        for slip in network["wrong"]["slipped_through_network"]
        if not slip["found_in_layer"]
    ]
    both = f"Both miss {'; '.join(missed)}." if missed else "Both miss none."
    return f"Of {tried} wrong layers the two proofs together find {either}. {both}"
