"""What each repair of an INT8 network is worth: agreement with FP32 with and without it.

Usage: python benchmarks/repairs.py [MODEL...]

A repair stays if it improves agreement on the search images beyond its paired interval on at least
two models. Detectors of COCO calibrate on the first 128 images of coco-train-mini and are compared
on the rest of it (search) and on coco-val-mini (report, which decides nothing); the bundled
detector on scenes of its own. ``paired`` weights are for x86 without VNNI, ``full`` ones for x86
with it. Models that are not named keep what they had, and so does ``trials``: figures of all that
was tried when the choice was made. Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import edgekit
from edgekit.config.calibration import open_source
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.images.datasets import choose
from edgekit.measure.accuracy import AGREEMENT_CONFIDENCE, detect_all, seen
from edgekit.measure.coco import found_table, truth_from_found
from edgekit.measure.matches import match
from edgekit.measure.statistics import map_drop_interval, weighted_map
from edgekit.pipeline.int8 import Int8Options, calibrate_network, quantize_calibrated
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA, MODELS  # noqa: E402
from committed import keep_models  # noqa: E402  (a sibling script)
from range_choices import image_sets  # noqa: E402

if TYPE_CHECKING:
    from edgekit.measure.accuracy import Detections
    from edgekit.pipeline.prepare import Detector, Network
    from edgekit.values import Dataset, Graph, WeightRule

BUNDLED = "digits"
SCENES = 64
RULES: tuple[WeightRule, ...] = ("paired", "full")


def main() -> None:
    """Measure the repairs of every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=[BUNDLED, *MODELS])
    models = parser.parse_args().models
    keep_models("repairs", models, lambda name: {"rows": run(name)})


def run(name: str) -> list[dict[str, Any]]:
    """Return one row per weight rule for one model: with its biases as they are, and shifted."""
    bundled = Path(edgekit.__file__).parent / "models" / f"{BUNDLED}.onnx"
    path = bundled if name == BUNDLED else DATA / "models" / f"{name}.onnx"
    detector = prepare(path, MODELS.get(name, ModelOptions()))
    network = network_of(detector)
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    calibration, sets = sets_of(name)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        detect = Detecting(detector, network, Path(folder))
        wanted = {k: detect(network.graph, images) for k, images in sets.items()}
        for rule in RULES:
            options = Int8Options(recipe, rule, Path(folder))
            start = time.perf_counter()
            repaired = calibrate_network(network, calibration, options)
            row: dict[str, Any] = {"rule": rule, "calibrate_s": round(time.perf_counter() - start)}
            in_float = {**repaired.kept_float, **repaired.drowned}
            graphs = [
                quantize_calibrated(network, calibrated, in_float, options).graph
                for calibrated in (replace(repaired, bias_shifts={}), repaired)
            ]
            for kind, images in sets.items():
                found = [detect(graph, images) for graph in graphs]
                row[kind] = compared(wanted[kind], found, images)
            print(name, row, flush=True)
            rows.append(row)
    return rows


def sets_of(name: str) -> tuple[Dataset, dict[str, Dataset]]:
    """Return the images that calibrate, and those that compare."""
    if name != BUNDLED:
        return image_sets()
    report = open_source("digits-eval")
    sets = {"search": open_source("digits-search"), "report": choose(report, 500, 0)}
    return choose(open_source("digits"), SCENES, 0), sets


class Detecting:
    """Runs networks with the head and the preprocessing of one detector."""

    def __init__(self, detector: Detector, network: Network, folder: Path) -> None:
        self._detector, self._network, self._folder = detector, network, folder

    def __call__(self, graph: Graph, images: Dataset) -> Detections:
        """Return what ``graph`` finds in ``images``."""
        path = self._folder / f"{graph.sha256}.onnx"
        path.write_bytes(graph_to_bytes(graph))
        given = candidate_of(self._detector, graph.sha256)
        candidate = replace(given, model=path, head=self._network.head, input="u8-nhwc")
        return detect_all(candidate, images)


def compared(wanted: Detections, found: list[Detections], images: Dataset) -> dict[str, Any]:
    """Return the agreement of two networks with FP32, and by how many points the second is above.

    Args:
        wanted: What FP32 finds.
        found: What the two find.
        images: Where.
    """
    ids = seen(images, wanted, *found)
    everything = (b.classes.max(initial=0) for d in (wanted, *found) for b in d.boxes.values())
    classes = range(1 + max(map(int, everything)))
    truth = truth_from_found(found_table(wanted.boxes, ids, classes), AGREEMENT_CONFIDENCE)
    before, after = (match(truth, found_table(d.boxes, ids, classes), ids) for d in found)
    once = np.ones((len(ids), 1), np.int64)
    gain = map_drop_interval(after, before)
    return {
        "images": len(ids),
        "plain": round(float(weighted_map(before, once)[0]), 4),
        "bias": round(float(weighted_map(after, once)[0]), 4),
        "points_gained": [round(x, 2) for x in (gain.value, gain.low, gain.high)],
    }


if __name__ == "__main__":
    main()
