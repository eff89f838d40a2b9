"""Ranges by squared error and by damage: agreement of INT8 with FP32, nothing else changed.

Usage: python benchmarks/range_choices.py [MODEL...]

Calibrates on the first 128 images of coco-train-mini. ``search`` is the rest of it, by which
choices are made; ``report`` is coco-val-mini, which chooses nothing. ``paired`` weights are for x86
without VNNI, ``full`` ones for x86 with it. Models that are not named keep what they had.
Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.images.datasets import open_dataset
from edgekit.measure.accuracy import agreement, detect_all
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA, MODELS  # noqa: E402
from committed import keep_models  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from edgekit.measure.candidate import Candidate
    from edgekit.values import Dataset, Graph

CALIBRATING = 128
COMPARED = {**MODELS, "yolov10s_e2e_unfused": ModelOptions()}
OBSERVERS = ("mse", "damage")
RULES = ("paired", "full")


def main() -> None:
    """Compare the observers on every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(COMPARED))
    models = parser.parse_args().models
    keep_models("range_choices", models, lambda name: {"rows": run(name)})


def run(name: str) -> list[dict[str, Any]]:
    """Return one row per observer and weight rule for one model."""
    detector = prepare(DATA / "models" / f"{name}.onnx", COMPARED[name])
    network = network_of(detector)
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    calibration, sets = image_sets()
    with tempfile.TemporaryDirectory() as folder:

        def candidate(graph: Graph) -> Candidate:
            path = Path(folder) / f"{graph.sha256}.onnx"
            path.write_bytes(graph_to_bytes(graph))
            given = candidate_of(detector, graph.sha256)
            return replace(given, model=path, head=network.head, input="u8-nhwc")

        reference = {k: detect_all(candidate(network.graph), s) for k, s in sets.items()}
        rows = []
        for observer in OBSERVERS:
            for rule in RULES:
                precision = recipe.model_copy(update={"observer": observer})
                start = time.perf_counter()
                quantized = quantize_network(network, calibration, Int8Options(precision, rule))
                row = {
                    "observer": observer,
                    "rule": rule,
                    "quantize_s": round(time.perf_counter() - start, 1),
                    "agreement": {
                        k: round(
                            agreement(reference[k], detect_all(candidate(quantized.graph), s), s)
                            or 0,
                            4,
                        )
                        for k, s in sets.items()
                    },
                }
                print(name, row, flush=True)
                rows.append(row)
    return rows


def image_sets() -> tuple[Dataset, dict[str, Dataset]]:
    """Return the images that calibrate, and those that compare."""
    whole = open_dataset(DATA / "coco-train-mini" / "instances.json")
    calibration = replace(whole, records=whole.records[:CALIBRATING])
    search = replace(whole, records=whole.records[CALIBRATING:])
    report = open_dataset(DATA / "coco-val-mini" / "instances.json")
    return calibration, {"search": search, "report": report}


if __name__ == "__main__":
    main()
