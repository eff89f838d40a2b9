"""How many calibration images are enough: what the audit advises beside what INT8 then agrees.

Usage: python benchmarks/calibration_size.py [MODEL...]

Draws 8, 16, 32 and 64 of the first 128 images of coco-train-mini three times each, and takes all
128 once. Of each draw: the advice of ``edgekit calib audit``, and the agreement of INT8 with FP32
on the other 87 images, as ``edgekit convert`` quantizes. Models that are not named keep their rows.
Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.calibrate.coverage import Extremes, coverage
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.images.datasets import open_dataset
from edgekit.measure.accuracy import agreement, detect_all
from edgekit.pipeline.audit import extremes_over
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.prepare import network_of, prepare

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA, MODELS  # noqa: E402
from committed import commit  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.measure.candidate import Candidate
    from edgekit.pipeline.prepare import Detector, Network
    from edgekit.values import Dataset, Graph

RESULT = HERE / "results" / "calibration_size.json"
CALIBRATION = 128
SIZES = (8, 16, 32, 64)
DRAWS = 3


def main() -> None:
    """Measure every model named and write the result after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    arguments = parser.parse_args()
    for name in arguments.models:
        rows = list(measured(name))
        kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
        kept[name] = {"commit": commit(), "rows": rows}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(f"written: {name}", flush=True)


def measured(name: str) -> Iterator[dict[str, Any]]:
    """Yield one row per draw."""
    detector = prepare(DATA / "models" / f"{name}.onnx", MODELS[name])
    network = network_of(detector)
    whole = open_dataset(DATA / "coco-train-mini" / "instances.json")
    search = replace(whole, records=whole.records[CALIBRATION:])
    extremes = extremes_over(network, replace(whole, records=whole.records[:CALIBRATION]))
    with tempfile.TemporaryDirectory() as folder:
        fp32 = detect_all(candidate(detector, network, network.graph, folder), search)
        for drawn in draws():
            calibration = replace(whole, records=tuple(whole.records[i] for i in drawn))
            graph = quantized(network, calibration)
            found = detect_all(candidate(detector, network, graph, folder), search)
            covered = coverage(Extremes(extremes.lows[drawn], extremes.highs[drawn]))
            row = {
                "images": len(drawn),
                "difference_of_half": round(covered.curve[1].difference, 4),
                "more": covered.more,
                "agreement": agreement(fp32, found, search),
            }
            print(name, row, flush=True)
            yield row


def draws() -> Iterator[list[int]]:
    """Yield the numbers of the images of each draw, in order."""
    for size in SIZES:
        for seed in range(DRAWS):
            yield sorted(random.Random(seed).sample(range(CALIBRATION), size))
    yield list(range(CALIBRATION))


def quantized(network: Network, calibration: Dataset) -> Graph:
    """Return the INT8 network as the recipe ``ort-cpu-int8`` makes it."""
    precision = find_recipe("ort-cpu-int8").precision
    assert isinstance(precision, Int8)
    return quantize_network(network, calibration, Int8Options(precision, "full")).graph


def candidate(detector: Detector, network: Network, graph: Graph, folder: str) -> Candidate:
    """Return ``graph``, written into ``folder``, as it can be run."""
    path = Path(folder) / f"{graph.sha256}.onnx"
    path.write_bytes(graph_to_bytes(graph))
    given = candidate_of(detector, graph.sha256)
    return replace(given, model=path, head=network.head, input="u8-nhwc")


if __name__ == "__main__":
    main()
