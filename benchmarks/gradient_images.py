"""What fewer images of gradients would save and cost: time, damage and agreement of INT8.

Usage: python benchmarks/gradient_images.py [MODEL...]

Calibrates on the first 128 images of coco-train-mini, with gradients on some of them, and compares
on the rest, the search set: points of agreement gained over the number that edgekit takes, with
their interval. Models that are not named keep what they had. Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA, MODELS  # noqa: E402
from committed import keep_models  # noqa: E402  (a sibling script)
from range_choices import image_sets  # noqa: E402
from repairs import Detecting, compared  # noqa: E402
from shared_scales import damage  # noqa: E402

from edgekit.config.recipe import Int8, find_recipe  # noqa: E402
from edgekit.pipeline import int8  # noqa: E402
from edgekit.pipeline.int8 import Int8Options, calibrate_network, quantize_calibrated  # noqa: E402
from edgekit.pipeline.prepare import network_of, prepare  # noqa: E402

if TYPE_CHECKING:
    from edgekit.pipeline.prepare import Network
    from edgekit.values import Dataset, Graph

COUNTS = (int8.GRADIENT_IMAGES, 32, 16)
COMPARED = ("yolov8n", "yolov5n", "yolox_nano_kazuhito", "picodet_s_320_coco")


def main() -> None:
    """Compare the numbers of images on every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(COMPARED))
    models = parser.parse_args().models
    keep_models("gradient_images", models, lambda name: {"rows": run(name)})


def run(name: str) -> list[dict[str, Any]]:
    """Return one row per number of images for one model."""
    detector = prepare(DATA / "models" / f"{name}.onnx", MODELS[name])
    network = network_of(detector)
    calibration, sets = image_sets()
    images = sets["search"]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        detect = Detecting(detector, network, Path(folder))
        wanted, usual = detect(network.graph, images), None
        for count in COUNTS:
            start = time.perf_counter()
            graph = quantized(network, calibration, count)
            seconds = time.perf_counter() - start
            found = detect(graph, images)
            usual = found if usual is None else usual
            against = compared(wanted, [usual, found], images)
            row = {
                "images": count,
                "seconds": round(seconds, 1),
                "damage": round(damage(network, graph, images), 5),
                "agreement": against["bias"],
                "points_gained": against["points_gained"],
            }
            print(name, row, flush=True)
            rows.append(row)
    return rows


def quantized(network: Network, calibration: Dataset, count: int) -> Graph:
    """Return ``network`` in INT8, its gradients taken on ``count`` images."""
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    options = Int8Options(recipe, "paired")
    with patch.object(int8, "GRADIENT_IMAGES", count):
        found = calibrate_network(network, calibration, options)
    in_float = {**found.kept_float, **found.drowned}
    return quantize_calibrated(network, found, in_float, options).graph


if __name__ == "__main__":
    main()
