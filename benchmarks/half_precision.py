"""Float16 networks: edgekit beside the usual converters, same models, same images, no GPU.

Usage: python benchmarks/half_precision.py [--images COUNT] [MODEL...]

Each converter gets the file as given and keeps its inputs and outputs in float32. What they write
is held against ONNX's checker and opened by ONNX Runtime; then every value is rounded to float16
as a 16-bit runtime would (``half_rounding``), and the detections are compared with FP32's on the
first images of coco-val-mini. The last part times Conv and MatMul with activations in 16-bit
integers on ONNX Runtime's CPU provider. Models that are not named keep the rows they had.
Needs the folder EDGEKIT_DATA and onnxconverter-common.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnxconverter_common import float16 as converter_common
from onnxruntime.transformers.onnx_model import OnnxModel

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.recipe import Fp16
from edgekit.errors import EdgekitError
from edgekit.graphs import graph_from_proto, graph_to_bytes, graph_to_proto
from edgekit.images.classes import match_classes
from edgekit.images.datasets import open_dataset
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.fp16 import HalfOptions, halve_network
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.pipeline.rows import Entry, score_entries
from edgekit.protocols import silent
from edgekit.quantize.half import to_half
from edgekit.quantize.half_plan import decode_in_float, half_plan
from edgekit.quantize.half_rounding import rounded
from edgekit.quantize.half_rules import ORT_CUDA

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import sixteen_bits  # noqa: E402  (a sibling script)
from cases import DATA, MODELS  # noqa: E402
from committed import commit  # noqa: E402

if TYPE_CHECKING:
    from edgekit.pipeline.prepare import Detector

RESULT = HERE / "results" / "half_precision.json"


def main() -> None:
    """Run every model, then the kernels, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=112)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    arguments = parser.parse_args()
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {"models": {}}
    at, machine = commit(), describe_machine()
    known["machine"] = {"cpu": machine.cpu, "cores": machine.cores, "versions": machine.versions}
    known["converters"] = {p: version(p) for p in ("onnxconverter-common", "onnxruntime")}
    known["kernels"] = {"commit": at, **sixteen_bits.run()}
    for name in arguments.models:
        known["models"][name] = {"commit": at, "rows": run(name, arguments.images)}
        RESULT.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    print(f"written: {RESULT.name}")


def run(name: str, count: int) -> dict[str, dict[str, Any]]:
    """Return one row per converter for one model."""
    detector = prepare(DATA / "models" / f"{name}.onnx", MODELS[name])
    rows: dict[str, dict[str, Any]] = {}
    candidate = candidate_of(detector, "fp32")
    entries = [Entry(candidate, "fp32", baseline=True)]
    with tempfile.TemporaryDirectory() as folder:
        for title, convert in WAYS.items():
            rows[title], model = examined(convert(detector))
            if model is None:
                continue
            given = replace(candidate, name=title, model=Path(folder) / f"{len(entries)}.onnx")
            graph = graph_from_proto(model)
            graph.model.graph.sort()  # one of the converters leaves nodes out of order
            given.model.write_bytes(graph_to_bytes(rounded(graph)))
            if title == SHIPPED:
                given = replace(given, head=network_of(detector).head, input="u8-nhwc")
            entries.append(Entry(given, "fp16"))
        whole = open_dataset(DATA / "coco-val-mini" / "instances.json")
        dataset = replace(whole, records=whole.records[:count])
        names, classes = detector.source.class_names, detector.head.spec.classes
        scores = score_entries(
            entries, dataset, match_classes(names, dataset.categories, classes), silent
        )
    for title, found in scores.items():
        if title in rows and found.drop is not None and found.agreement is not None:
            drop = found.drop
            rows[title] |= {
                "images": count,
                "agreement": round(found.agreement, 5),
                "map_drop_points": round(drop.value, 3),
                "map_drop_ci95": [round(drop.low, 3), round(drop.high, 3)],
            }
        print(name, title, rows.get(title), flush=True)
    return rows


def examined(model: onnx.ModelProto) -> tuple[dict[str, Any], onnx.ModelProto | None]:
    """Return what is to be said of a converted model, and the model where it opens."""
    row: dict[str, Any] = {
        "nodes": len(model.graph.node),
        "casts": sum(node.op_type == "Cast" for node in model.graph.node),
        "bytes": model.ByteSize(),
        "checker": "accepts it",
        "runtime": "opens it",
    }
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as err:
        row["checker"] = str(err).strip().splitlines()[0][:200]
    try:
        with OnnxRuntime().open(model.SerializeToString()):
            return row, model
    except EdgekitError as err:
        row["runtime"] = str(err).splitlines()[0][:300]
        return row, None


def by_converter_common(detector: Detector) -> onnx.ModelProto:
    """onnxconverter-common's converter, at its defaults."""
    return converter_common.convert_float_to_float16(
        onnx.load(detector.source.path), keep_io_types=True
    )


def by_transformers(detector: Detector) -> onnx.ModelProto:
    """The converter in ONNX Runtime's own package, as its optimizer calls it."""
    model = OnnxModel(onnx.load(detector.source.path))
    model.convert_float_to_float16(keep_io_types=True)
    return model.model


def by_edgekit_whole(detector: Detector) -> onnx.ModelProto:
    """Edgekit's converter on the rewritten network, its decode left in."""
    plain = detector.plain
    kept = decode_in_float(plain, detector.head.float_nodes, ORT_CUDA)
    return graph_to_proto(to_half(plain, half_plan(plain, ORT_CUDA, kept)))


def by_edgekit(detector: Detector) -> onnx.ModelProto:
    """What ``edgekit convert --target ort-cuda-fp16`` ships."""
    halved = halve_network(network_of(detector), HalfOptions(Fp16(kind="fp16")))
    return graph_to_proto(halved.graph)


SHIPPED = "edgekit"
WAYS = {
    "onnxconverter-common": by_converter_common,
    "onnxruntime.transformers": by_transformers,
    "edgekit, decode left in": by_edgekit_whole,
    SHIPPED: by_edgekit,
}


if __name__ == "__main__":
    main()
