"""What the defaults of the recipe ``ort-cpu-int8`` were chosen by: agreement on training images.

Usage: python benchmarks/quantization_choices.py [MODEL...]

Calibrates on 64 images of coco-train-mini and compares INT8 with FP32 on 120 others of it, so that
the images of the report set choose nothing. Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.backends.coverage import read_coverage
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.images.datasets import choose, open_dataset
from edgekit.measure.accuracy import agreement, detect_all
from edgekit.pipeline.int8 import Int8Options, quantize_network
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.prepare import network_of, prepare

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA, MODELS  # noqa: E402
from committed import commit  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from edgekit.measure.candidate import Candidate
    from edgekit.values import Graph, WeightRule

COMPARED = 120
OFF = -1000.0


@dataclass(frozen=True)
class Choice:
    """One way to quantize; the defaults are the recipe's."""

    observer: str = "mse"
    rule: WeightRule = "full"
    noise_limit_db: float = 22


CHOICES = (
    Choice(),
    Choice(observer="minmax"),
    Choice(observer="moving-average"),
    Choice(observer="percentile"),
    Choice(rule="paired"),
    Choice(rule="narrow"),
    Choice(noise_limit_db=OFF),
    Choice(noise_limit_db=16),
    Choice(noise_limit_db=20),
    Choice(noise_limit_db=24),
)


def main() -> None:
    """Run every choice on every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    arguments = parser.parse_args()
    result = {"commit": commit(), "models": {name: run(name) for name in arguments.models}}
    path = HERE / "results" / "quantization_choices.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path.name}")


def run(name: str) -> list[dict[str, Any]]:
    """Return one row per choice for one model."""
    detector = prepare(DATA / "models" / f"{name}.onnx", MODELS[name])
    network = network_of(detector)
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    whole = open_dataset(DATA / "coco-train-mini" / "instances.json")
    calibration = choose(whole, recipe.calibration.count, recipe.calibration.seed)
    used = {record.id for record in calibration.records}
    rest = [record for record in whole.records if record.id not in used]
    compared = replace(whole, records=tuple(rest[:COMPARED]))
    rows = []
    with tempfile.TemporaryDirectory() as folder:

        def candidate(graph: Graph) -> Candidate:
            path = Path(folder) / f"{graph.sha256}.onnx"
            path.write_bytes(graph_to_bytes(graph))
            given = candidate_of(detector, graph.sha256)
            return replace(given, model=path, head=network.head, input="u8-nhwc")

        reference = detect_all(candidate(network.graph), compared)
        for choice in CHOICES:
            precision = recipe.model_copy(
                update={"observer": choice.observer, "noise_limit_db": choice.noise_limit_db}
            )
            options = Int8Options(precision, choice.rule, Path(folder))
            quantized = quantize_network(network, calibration, options)
            found = detect_all(candidate(quantized.graph), compared)
            coverage = read_coverage(
                network.graph, quantized.graph, quantized.plan.kept_float, OnnxRuntime()
            )
            agreed = agreement(reference, found, compared)
            row = {
                **vars(choice),
                "agreement": agreed and round(agreed, 4),
                "mac_share_int8": round(coverage.mac_share_int8, 4),
            }
            print(name, row, flush=True)
            rows.append(row)
    return rows


if __name__ == "__main__":
    main()
