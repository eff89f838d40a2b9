"""What each part of edgekit's INT8 is worth, in agreement and in milliseconds.

Usage: python benchmarks/ablation.py [--kernels avx2] [MODEL...]

Each row is the shipped recipe with one part switched off or made plain; they are scored on
coco-val-mini against FP32's own detections, and timed in one run. Models that are not named keep
the figures they had. Needs EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import onnx
from onnx import numpy_helper

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import only_avx2  # noqa: E402  (a sibling script)
import ort_cpu_int8  # noqa: E402
from cases import MODELS, open_case  # noqa: E402
from committed import keep_models  # noqa: E402
from row_figures import coverage_figures  # noqa: E402

from edgekit.cli.flags import cache_folder  # noqa: E402
from edgekit.config.device import find_device  # noqa: E402
from edgekit.config.recipe import Int8, find_recipe  # noqa: E402
from edgekit.images.classes import match_classes  # noqa: E402
from edgekit.measure.latency import LatencyOptions, measure_latency, speedup  # noqa: E402
from edgekit.pipeline.int8 import Int8Options, weight_rule  # noqa: E402
from edgekit.pipeline.rows import Entry, score_entries  # noqa: E402
from edgekit.protocols import silent  # noqa: E402
from edgekit.quantize import quantize  # noqa: E402
from edgekit.quantize.encode import EncodedWeight, encode_weight  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases import Case

    from edgekit.values import Floats, WeightRule

NEVER = -1e9  # decibels


@dataclass(frozen=True)
class Part:
    """One part made plain.

    Attributes:
        recipe: Keys of the recipe's precision that do it.
        per_channel: Whether each output channel of a weight has a scale of its own.
        unsigned: Whether weights are written as unsigned integers around 128.
    """

    recipe: dict[str, Any] = field(default_factory=dict)
    per_channel: bool = True
    unsigned: bool = False


PARTS = {
    "shipped": Part(),
    "ranges: least squared error": Part({"observer": "mse"}),
    "ranges: smallest and largest": Part({"observer": "minmax"}),
    "weights: one scale per tensor": Part(per_channel=False),
    "weights: 7 bits": Part({"weight_rule": "narrow"}),
    "weights: 8 bits, pairs fit": Part({"weight_rule": "paired"}),
    "weights: 8 bits": Part({"weight_rule": "full"}),
    "weights: 8 bits, unsigned": Part({"weight_rule": "full"}, unsigned=True),
    "no layer in float for its noise": Part({"noise_limit_db": NEVER}),
    "no bias correction": Part({"repair": {"bias": False}}),
}


def main() -> None:
    """Run every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--kernels", choices=("native", "avx2"), default="native")
    arguments = parser.parse_args()
    device = find_device(only_avx2.device_with(arguments.kernels, cache_folder()))
    kept = cache_folder() / "ablation"
    kept.mkdir(parents=True, exist_ok=True)

    def run(model: str) -> dict[str, Any]:
        return {"rows": rows(open_case(model, device, kept))}

    keep_models(f"ablation_{arguments.kernels}", arguments.models, run)


def rows(case: Case) -> dict[str, dict[str, Any]]:
    """Return the figures of every part made plain."""
    fp32 = Entry(case.fp32, "fp32", baseline=True)
    entries = [fp32, *(entry(case, name, part) for name, part in PARTS.items())]
    evaluation = case.evaluation
    head = case.detector.head.spec
    ids = match_classes(case.detector.source.class_names, evaluation.categories, head.classes)
    scores = score_entries(entries, evaluation, ids, silent)
    run = measure_latency([e.candidate for e in entries], evaluation, LatencyOptions(min_runs=100))
    base = run.results[0]
    return {
        timed.name: {
            "agreement": scores[timed.name].agreement,
            "map_drop_points": None if (d := scores[timed.name].drop) is None else d.value,
            "p50_ms": timed.latency.p50,
            "speedup": speedup(base, timed).value,
            **coverage_figures(entry_),
        }
        for timed, entry_ in zip(run.results, entries, strict=True)
    }


def entry(case: Case, name: str, part: Part) -> Entry:
    """Return the network of ``case`` in INT8 with one part made plain."""
    shipped = find_recipe("ort-cpu-int8").precision
    assert isinstance(shipped, Int8)
    precision = Int8.model_validate({**shipped.model_dump(), **part.recipe})
    options = Int8Options(precision, weight_rule(precision, case.device), case.kept)
    with weights_as(part):
        made = ort_cpu_int8.edgekit_int8(case.network, case.calibration, options, case.fp32)
    candidate = replace(made.candidate, name=name)
    if part.unsigned:
        model = candidate.model.with_name(f"unsigned-{candidate.model.name}")
        candidate = replace(candidate, model=with_unsigned_weights(candidate.model, model))
    return replace(made, candidate=candidate)


def with_unsigned_weights(given: Path, out: Path) -> Path:
    """Return ``out``, the network ``given`` with all signed 8-bit constants 128 higher."""
    network = onnx.load(given)
    for tensor in network.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8:
            higher = numpy_helper.to_array(tensor).astype(np.int16) + 128
            tensor.CopyFrom(numpy_helper.from_array(higher.astype(np.uint8), tensor.name))
    onnx.save(network, out)
    return out


@contextmanager
def weights_as(part: Part) -> Iterator[None]:
    """Encode weights with one scale for all channels, where ``part`` says so."""
    if part.per_channel:
        yield
        return
    with patch.object(quantize, "insert_qdq", partial(quantize.insert_qdq, encode=of_one_scale)):
        yield


def of_one_scale(
    weight: Floats, axis: int, rule: WeightRule, smallest: Floats | float = 0.0
) -> EncodedWeight:
    """Return what ``encode_weight`` returns, all channels on one scale."""
    least = np.array([np.max(smallest)], np.float32)
    whole = encode_weight(weight.reshape(1, *weight.shape), 0, rule, least)
    scales = np.repeat(whole.scales, weight.shape[axis])
    return EncodedWeight(whole.integers.reshape(weight.shape), scales, axis)


if __name__ == "__main__":
    main()
