"""How close the roofline comes to published times of networks, fitted and held out.

Usage: python benchmarks/roofline.py [--tables FOLDER]

Builds the published networks with weights of chance, counts the work of their layers, fits the few
constants of each family of processors to the pairs of published_times.yaml that are not held out,
and estimates all of them. Every device is also estimated with constants fitted to the others alone.
The constants found are what belongs into edgekit/estimate/constants.py.
Needs the extra ``torch``, scipy, and a checkout. FOLDER keeps the counted layers between runs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml
from scipy.optimize import minimize

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "roofline.json"
sys.path[:0] = [str(HERE), str(HERE.parent)]

from committed import commit  # noqa: E402
from families import NETWORKS, darknet_module, graph_of, images  # noqa: E402
from larger_networks import GMACS, LARGER  # noqa: E402

from edgekit.config.device import find_device  # noqa: E402
from edgekit.estimate.constants import Constants  # noqa: E402
from edgekit.estimate.layers import Layer, fused_layers  # noqa: E402
from edgekit.estimate.processor import FAMILIES, Family, processors_of  # noqa: E402
from edgekit.estimate.roofline import Work, layer_times, work_of  # noqa: E402
from edgekit.export.simplify import simplify  # noqa: E402
from edgekit.measure.machine import describe_machine  # noqa: E402
from edgekit.pipeline.prepare import proof_backend  # noqa: E402
from edgekit.reparam.outputs import drop_auxiliary_outputs  # noqa: E402
from edgekit.reparam.reparameterize import reparameterize  # noqa: E402
from tests.published import fill  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.estimate.processor import Processor
    from edgekit.values import Graph, Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
# Where a search for constants starts, and how far from it, as the deviation of a logarithm, they
# may go without a word: what a vendor's own libraries usually reach.
PRIOR: dict[str, tuple[float, float]] = {
    "fp32": (0.5, 0.6),
    "fp16": (0.4, 0.6),
    "int8": (0.3, 0.6),
    "memory": (0.6, 0.5),
}
PER_LAYER = {  # seconds of a layer, or cycles where a faster clock shortens them
    "tensorrt-gpu": ("cycles", 10_000.0),
    "openvino-cpu": ("seconds", 1e-5),
    "openvino-gpu": ("cycles", 80_000.0),
    "openvino-npu": ("seconds", 3e-5),
    "onnxruntime-x86": ("seconds", 1e-5),
    "onnxruntime-arm": ("seconds", 1e-5),
    "ncnn-arm": ("seconds", 1e-5),
}
COPIES = frozenset({"onnxruntime-x86", "onnxruntime-arm", "ncnn-arm"})  # no join for free
VARIANTS = ("as it is", "arithmetic alone", "no cost per layer", "other unit", "joins otherwise")
AS_IT_IS, ARITHMETIC, NO_LAYER, OTHER_UNIT, OTHER_JOINS = VARIANTS
USUAL_CLOCK = 1.5e9  # what turns cycles into seconds where a search for the other starts
BEYOND = 0.3  # a logarithm of an error counts in proportion from here on, not squared
FEW_PAIRS, FEW_DEVICES = 20, 3  # with less, all families say how far estimates of one are off
BRANCHED = ("yolov6", "yolov7", "gelan", "yolov10")  # what is merged before it is run


@dataclass(frozen=True)
class Pair:
    """A published time of one network on one device."""

    model: str
    precision: Precision
    ms: float
    device: str
    family: Family
    processor: Processor
    held_out: bool
    superseded: bool
    source: str
    url: str | None


def main() -> None:
    """Count, fit, estimate, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, help="where counted layers are kept")
    tables = parser.parse_args().tables
    pairs = published()
    works = {name: work_of(layers_of(name, tables)) for name in sorted({p.model for p in pairs})}
    result = {
        "commit": commit(),
        "machine": vars(describe_machine()),
        "networks": {name: counted(name, work) for name, work in works.items()},
        **judged(pairs, works),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written: {RESULT.name}")


def published() -> list[Pair]:
    """Return every pair of published_times.yaml."""
    groups = yaml.safe_load((HERE / "published_times.yaml").read_text(encoding="utf-8"))
    return [pair for group in groups for pair in _pairs(group)]


def _pairs(group: dict[str, Any]) -> list[Pair]:
    name = group["device"]
    shipped = not name.endswith(".yaml")
    device = find_device(name if shipped else str(HERE.parent / name))
    part, runtime = group.get("part", "gpu"), group["runtime"]
    found = processors_of(name, device)
    processor = next(p for p in found if (p.part, p.runtime) == (part, runtime))
    if "clock_ghz" in group:
        faster = 1e9 * group["clock_ghz"] / processor.clock
        peaks = {key: peak * faster for key, peak in processor.peaks.items()}
        processor = replace(processor, peaks=peaks, clock=1e9 * group["clock_ghz"])
    return [
        Pair(
            model=model,
            precision=precision,
            ms=float(ms),
            device=Path(name).stem,
            family=processor.family,
            processor=processor,
            held_out=group.get("held_out", False),
            superseded=group.get("superseded", False),
            source=group["source"],
            url=group.get("url"),
        )
        for precision, times in group["ms"].items()
        for model, ms in times.items()
    ]


def layers_of(name: str, tables: Path | None) -> tuple[Layer, ...]:
    """Return the layers of the network ``name``, counted now or kept from before."""
    kept = tables / f"{name}.json" if tables else None
    if kept is not None and kept.exists():
        return tuple(Layer(**each) for each in json.loads(kept.read_text(encoding="utf-8")))
    layers = fused_layers(deployed(name))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([asdict(layer) for layer in layers]), encoding="utf-8")
    print(f"counted: {name}", flush=True)
    return layers


def deployed(name: str) -> Graph:
    """Return the network ``name`` as it is run: simplified, parallel branches merged."""
    known, _, size = name.partition("@")
    network = NETWORKS.get(known)
    side = int(size) if size else network.side if network else 640
    if network is None:
        module, family = fill(LARGER[known]()), known.rstrip("nstmlx0.2-")
    elif size:
        module, family = darknet_module(known, side), network.family
    else:
        module, family = network.build(), network.family
    exported = drop_auxiliary_outputs(graph_of(module, family, side)).graph
    plain = simplify(exported, proof_backend(), images(exported))
    if not known.startswith(BRANCHED):
        return plain
    return reparameterize(plain, proof_backend(), images(plain)).graph


def counted(name: str, work: Work) -> dict[str, Any]:
    """Return how much work a network is, and what its publisher says."""
    network = NETWORKS.get(name)
    return {
        "layers": int((~work.moves).sum()),
        "gmacs": round(float(work.operations.sum()) / 2e9, 3),
        "published_gmacs": GMACS.get(name) or (network.gmacs if network else None),
        "million_numbers": round(float(work.numbers.sum()) / 1e6, 1),
    }


def judged(pairs: Sequence[Pair], works: dict[str, Work]) -> dict[str, Any]:
    """Return the constants of every family, what they are worth, and every pair."""
    counting = [pair for pair in pairs if not pair.superseded]
    found = {family: _family(family, counting, works) for family in FAMILIES}
    rows = [_row(pair, found[pair.family], works) for pair in pairs]
    held = [row for row in rows if row["role"] == "held out"]
    pooled = _spread(rows)
    families = {
        family: _summary(family, found[family][0], rows, pooled)
        | {"peaks": _peaks(family, counting)}
        for family in FAMILIES
    }
    alone = [row["left_out_error"] for row in rows if row["left_out_error"] is not None]
    return {
        "families": families,
        "held_out": {
            "pairs": len(held),
            "devices": sorted({row["device"] for row in held}),
            "median_error": _median([row["error"] for row in held]),
            "by_precision": {
                p: _median([row["error"] for row in held if row["precision"] == p])
                for p in PRECISIONS
            },
        },
        "left_out": {"pairs": len(alone), "median_error": _median(alone), "spread": pooled},
        "variants": {name: _held_out_error(counting, works, name) for name in VARIANTS},
        "pairs": rows,
    }


def _family(
    family: Family, pairs: Sequence[Pair], works: dict[str, Work]
) -> tuple[Constants, dict[str, Constants]]:
    """Return what the pairs not held out give, and what all but each device give."""
    ours = [pair for pair in pairs if pair.family == family]
    chosen = fitted(family, [pair for pair in ours if not pair.held_out], works)
    devices = sorted({pair.device for pair in ours})
    others = {one: [pair for pair in ours if pair.device != one] for one in devices}
    return chosen, {one: fitted(family, rest, works) for one, rest in others.items() if rest}


def fitted(
    family: Family, pairs: Sequence[Pair], works: dict[str, Work], variant: str = AS_IT_IS
) -> Constants:
    """Return the constants that come closest to ``pairs``.

    Logarithms of errors are squared up to ``BEYOND``. A device counts with the root of its number
    of pairs, so that none is decided by the one that was measured most.
    """
    precisions = [p for p in PRECISIONS if any(pair.precision == p for pair in pairs)]
    names = [*precisions, "memory", "layer"]
    unit, layer = PER_LAYER[family]
    if variant == OTHER_UNIT:
        unit, layer = _other_unit(unit, layer)
    prior = {**PRIOR, "layer": (layer, 1.0)}
    start = np.log([prior[name][0] for name in names])
    width = np.array([prior[name][1] for name in names])
    count = Counter(pair.device for pair in pairs)
    weights = np.array([count[pair.device] ** -0.5 for pair in pairs])

    def constants(logs: Any) -> Constants:
        of = dict(zip(names, map(float, np.exp(logs)), strict=True))
        efficiency: dict[Precision, float] = {p: of[p] for p in precisions}
        moves = (family in COPIES) != (variant == OTHER_JOINS)
        if variant == ARITHMETIC:
            return Constants(efficiency, memory=1e9)
        cost = {} if variant == NO_LAYER else {unit: of["layer"]}
        return Constants(efficiency, of["memory"], moves=moves, **cost)

    def loss(logs: Any) -> float:
        tried = constants(logs)
        off = np.abs([np.log(estimated(p, tried, works) / p.ms) for p in pairs])
        errors = np.where(off < BEYOND, off**2, 2 * BEYOND * off - BEYOND**2)
        return float((weights * errors).sum() / 0.05 + (((logs - start) / width) ** 2).sum())

    options = {"maxiter": 1500, "xatol": 1e-3, "fatol": 1e-3, "adaptive": True}
    best = minimize(loss, start, method="Nelder-Mead", options=options)
    return constants(best.x)


def _other_unit(unit: str, layer: float) -> tuple[str, float]:
    """Return the same cost of a layer in cycles for seconds, and in seconds for cycles."""
    seconds = unit == "seconds"
    return ("cycles", layer * USUAL_CLOCK) if seconds else ("seconds", layer / USUAL_CLOCK)


def _held_out_error(pairs: Sequence[Pair], works: dict[str, Work], variant: str) -> float | None:
    """Return the median error on what is held out, of constants of a variant of the model."""
    errors = []
    for family in FAMILIES:
        ours = [pair for pair in pairs if pair.family == family]
        fit = [pair for pair in ours if not pair.held_out]
        chosen = fitted(family, fit, works, variant)
        held = [pair for pair in ours if pair.held_out]
        errors += [abs(estimated(pair, chosen, works) / pair.ms - 1) for pair in held]
    return _median(errors)


def estimated(pair: Pair, constants: Constants, works: dict[str, Work]) -> float:
    """Return the milliseconds that ``constants`` expect."""
    work = works[pair.model]
    return float(layer_times(work, pair.processor, pair.precision, constants).each.sum())


def _row(
    pair: Pair, found: tuple[Constants, dict[str, Constants]], works: dict[str, Work]
) -> dict[str, Any]:
    chosen, others = found
    role = "superseded" if pair.superseded else "held out" if pair.held_out else "fitted"
    ms = estimated(pair, chosen, works) if pair.precision in chosen.efficiency else None
    rest = others.get(pair.device)
    known = rest is not None and pair.precision in rest.efficiency and not pair.superseded
    alone = estimated(pair, rest, works) if known and rest is not None else None
    return {
        "device": pair.device,
        "family": pair.family,
        "precision": pair.precision,
        "model": pair.model,
        "published_ms": pair.ms,
        "estimated_ms": ms and round(ms, 3),
        "error": ms and round(abs(ms / pair.ms - 1), 4),
        "left_out_ms": alone and round(alone, 3),
        "left_out_error": alone and round(abs(alone / pair.ms - 1), 4),
        "role": role,
        "source": pair.source,
        "url": pair.url,
    }


def _summary(
    family: Family, chosen: Constants, rows: list[dict[str, Any]], pooled: list[float]
) -> dict[str, Any]:
    ours = [row for row in rows if row["family"] == family]
    fit, held = ([r for r in ours if r["role"] == role] for role in ("fitted", "held out"))
    left = [row["left_out_error"] for row in ours if row["left_out_error"] is not None]
    many = len(left) >= FEW_PAIRS and len({row["device"] for row in ours}) >= FEW_DEVICES
    return {
        "efficiency": {key: _rounded(value) for key, value in chosen.efficiency.items()},
        "memory": _rounded(chosen.memory),
        "cycles": _rounded(chosen.cycles),
        "seconds": _rounded(chosen.seconds),
        "moves": chosen.moves,
        "fitted_on": sorted({row["device"] for row in fit}),
        "pairs": len(fit),
        "fitted_error": _median([row["error"] for row in fit]),
        "checked_on": sorted({row["device"] for row in held}),
        "checked": len(held),
        "error": _median([row["error"] for row in held]),
        "left_out": {"pairs": len(left), "median_error": _median(left)},
        "spread": _spread(ours) if many else _wider(_spread(ours), pooled),
    }


def _peaks(family: Family, pairs: Sequence[Pair]) -> dict[Precision, list[float]]:
    """Return the peaks of the slowest and the fastest device, in millions of millions a second."""
    ours = [pair for pair in pairs if pair.family == family]
    found = {p: [o.processor.peaks[p] / 1e12 for o in ours if o.precision == p] for p in PRECISIONS}
    return {p: [_rounded(min(ts)), _rounded(max(ts))] for p, ts in found.items() if ts}


def _spread(rows: list[dict[str, Any]]) -> list[float]:
    """Return within which factors of the estimate 80 % of published times lie.

    Each is estimated with constants that its device had no part in.
    """
    known = [row for row in rows if row["left_out_ms"] is not None]
    ratios = [row["published_ms"] / row["left_out_ms"] for row in known] or [1.0]
    low, high = np.quantile(ratios, [0.1, 0.9])
    return [round(min(1.0, float(low)), 2), round(max(1.0, float(high)), 2)]


def _wider(one: list[float], other: list[float]) -> list[float]:
    """Return the factors that hold what both do."""
    return [min(one[0], other[0]), max(one[1], other[1])]


def _median(errors: list[float]) -> float | None:
    return round(float(np.median(errors)), 4) if errors else None


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
