"""One encoding for what is joined, or one for each: damage, agreement and time of INT8.

Usage: python benchmarks/shared_scales.py [MODEL...]

Calibrates on the first 128 images of coco-train-mini and compares on the rest, the search set.
``apart`` has an encoding for every value, ``joined`` gives what one Concat alone reads the
encoding of the whole, ``shared`` is the product: joins share theirs where that harms less.
Models that are not named keep what they had. Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.ranges import choose_ranges
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.measure.accuracy import agreement, detect_all
from edgekit.measure.damage import shift, total_damage
from edgekit.measure.latency import measure_latency
from edgekit.pipeline.feeds import image_feeds
from edgekit.pipeline.int8 import Int8Options, calibrate_network, quantize_calibrated
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.quantize import plan as planning

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA, MODELS  # noqa: E402
from committed import keep_models  # noqa: E402  (a sibling script)
from range_choices import image_sets  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from edgekit.pipeline.int8 import Calibrated
    from edgekit.pipeline.prepare import Detector, Network
    from edgekit.values import Dataset, Graph

RULES = ("full", "paired")


def main() -> None:
    """Compare the encodings on every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    models = parser.parse_args().models
    keep_models("shared_scales", models, lambda name: {"rows": run(name)})


def run(name: str) -> list[dict[str, Any]]:
    """Return one row per kind of encodings and weight rule for one model."""
    detector = prepare(DATA / "models" / f"{name}.onnx", MODELS[name])
    network = network_of(detector)
    precision = find_recipe("ort-cpu-int8").precision
    assert isinstance(precision, Int8)
    calibration, sets = image_sets()
    calibrated = calibrate_network(network, calibration, Int8Options(precision, RULES[0]))
    rows = []
    for rule in RULES:
        graphs = variants(network, calibrated, Int8Options(precision, rule))
        rows += compared(detector, network, graphs, sets["search"], rule)
    return rows


def variants(network: Network, calibrated: Calibrated, options: Int8Options) -> dict[str, Graph]:
    """Return the network with each kind of encodings, by its name."""
    kept = {**calibrated.kept_float, **calibrated.drowned}
    found = (network.graph, calibrated.statistics, "damage", calibrated.importance)
    separate = replace(calibrated, shared=frozenset(), ranges=choose_ranges(*found))
    with patch.object(planning, "joins_of", lambda *_: ()):
        apart = quantize_calibrated(network, separate, kept, options)
    joined = quantize_calibrated(network, separate, kept, options)
    shared = quantize_calibrated(network, calibrated, kept, options)
    return {"apart": apart.graph, "joined": joined.graph, "shared": shared.graph}


def compared(
    detector: Detector, network: Network, graphs: dict[str, Graph], images: Dataset, rule: str
) -> list[dict[str, Any]]:
    """Return a row for each of ``graphs``, timed in turn."""
    given = replace(
        candidate_of(detector, "fp32"), head=network.head, input="u8-nhwc", backend=OnnxRuntime()
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        candidates = {}
        for kind, graph in {"fp32": network.graph, **graphs}.items():
            path = Path(folder) / f"{kind}.onnx"
            path.write_bytes(graph_to_bytes(graph))
            candidates[kind] = replace(given, name=kind, model=path)
        reference = detect_all(candidates.pop("fp32"), images)
        timed = measure_latency(list(candidates.values()), images)
        speedups, times = timed.speedups(), {r.name: r.latency.p50 for r in timed.results}
        for kind, candidate in candidates.items():
            faster = speedups.get(("apart", kind))
            row = {
                "encodings": kind,
                "rule": rule,
                "damage": round(damage(network, graphs[kind], images), 5),
                "agreement": round(
                    agreement(reference, detect_all(candidate, images), images) or 0, 4
                ),
                "p50_ms": round(times[kind], 3),
                "speedup": faster and [round(v, 4) for v in vars(faster).values()],
            }
            print(detector.source.path.stem, row, flush=True)
            rows.append(row)
    return rows


def damage(network: Network, graph: Graph, images: Dataset) -> float:
    """Return how far the predictions of ``graph`` are from those of ``network`` in float."""
    runtime = OnnxRuntime()
    with (
        runtime.open(graph_to_bytes(network.graph)) as exact,
        runtime.open(graph_to_bytes(graph)) as rounded,
    ):
        feeds = image_feeds(network.graph, images, network.preprocess)
        return total_damage(shift(exact.run(f), rounded.run(f), network.head) for f in feeds)


if __name__ == "__main__":
    main()
