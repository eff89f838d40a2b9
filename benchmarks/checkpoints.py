"""Trained files end to end: what reading, exporting and folding one costs, and what it keeps.

Usage: python benchmarks/checkpoints.py [FILE...]

For each real checkpoint, and an ONNX file with all of its training-time layers, in a process of its
own and without any cache: the seconds until the folded network is there; the batch normalizations
and parallel branches before and after, counted by structure; how far the export is from the torch
modules on photographs; and FP32 mAP on the 112 images of coco-val-mini of the file as given (its
export, for a checkpoint), of the folded network as a conversion writes it, and as an independent
reference measured it. Files that are not named keep what they had. Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.measure.machine import describe_machine

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from branches_left import batchnorms, parallel_branches  # noqa: E402  (a sibling script)
from cases import DATA  # noqa: E402
from committed import commit  # noqa: E402

if TYPE_CHECKING:
    from edgekit.pipeline.prepare import Detector
    from edgekit.values import Dataset, Floats, Graph

# FP32 mAP50-95 by ONNX Runtime and pycocotools, not by edgekit: README of the data.
REFERENCE = {
    "yolov8n.pt": 0.3980,
    "yolov5n.pt": 0.2992,
    "yolov10s.pt": 0.4902,
    "yolov10s_e2e_unfused.onnx": 0.4902,
}
PHOTOGRAPHS = 8
ALONE = "--alone"


def main() -> None:
    """Measure the files and write the result."""
    names = sys.argv[1:] or list(REFERENCE)
    path = HERE / "results" / "checkpoints.json"
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for name in names:
        made_by = {"commit": commit(), "machine": vars(describe_machine())}
        load = os.getloadavg()[0]
        command = [sys.executable, __file__, ALONE, name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        result[name] = {**made_by, "load_1min_before": load, **json.loads(done.stdout)}
        ordered = {known: result[known] for known in REFERENCE if known in result}
        path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        print(f"written: {name} to {path.name}", flush=True)


def measure(name: str) -> dict[str, Any]:
    """Return the figures of one file; nothing of edgekit's pipeline is imported before."""
    start = time.perf_counter()
    from edgekit.pipeline.options import ModelOptions
    from edgekit.pipeline.prepare import prepare

    path = DATA / "models" / name
    with tempfile.TemporaryDirectory() as folder:
        options = ModelOptions(cache=Path(folder))
        detector = prepare(path, options)
        whole = time.perf_counter() - start
        start = time.perf_counter()
        prepare(path, options)
        again = time.perf_counter() - start
        exported = detector.source.export is not None
        return {
            "read_export_fold_s": round(whole, 1),
            "with_the_export_kept_s": round(again, 1) if exported else None,
            "folded": len(detector.rewritten.folded),
            "merged": len(detector.rewritten.merged),
            "head": detector.head.spec.kind,
            "nms_free": detector.head.nms_free,
            "output": [list(o.shape) for o in detector.plain.model.graph.outputs],
            "warnings": detector.warnings,
            "export_to_modules_max_rel": export_difference(path, detector) if exported else None,
            **accuracy(name, detector, Path(folder)),
        }


def export_difference(path: Path, detector: Detector) -> float:
    """Return the largest difference of the export from the modules on photographs."""
    import onnx

    from edgekit.export.torch_parity import prove_export
    from edgekit.graphs import graph_from_proto
    from edgekit.load.checkpoint.read import read_checkpoint
    from edgekit.nets.stored.build import build_detector
    from edgekit.pipeline.prepare import proof_backend

    images = photographs(detector)
    graph = graph_from_proto(onnx.load(detector.source.onnx_path))
    built = build_detector(read_checkpoint(path))
    return prove_export(built, graph, proof_backend(), images).max_rel


def photographs(detector: Detector) -> list[Floats]:
    """Return images as the network takes them."""
    from edgekit.images.letterbox import letterbox, to_input
    from edgekit.images.read import read_image

    preprocess = detector.convention.preprocess
    pixels = [read_image(record).pixels_rgb for record in scored().records[:PHOTOGRAPHS]]
    return [to_input(letterbox(p, preprocess).pixels, preprocess) for p in pixels if p is not None]


def accuracy(name: str, detector: Detector, folder: Path) -> dict[str, Any]:
    """Return what is left of training-time layers, and mAP of the file and the folded network."""
    from edgekit.graphs import graph_to_bytes
    from edgekit.images.classes import match_classes
    from edgekit.measure.accuracy import detect_all, score
    from edgekit.pipeline.opened import candidate_of
    from edgekit.pipeline.prepare import network_of

    dataset, network = scored(), network_of(detector)
    given = candidate_of(detector, "as-given")
    (folder / "fp32.onnx").write_bytes(graph_to_bytes(network.graph))
    changes = {"model": folder / "fp32.onnx", "head": network.head, "input": "u8-nhwc"}
    fp32 = replace(given, name="fp32", **changes)
    ids = match_classes(detector.source.class_names, dataset.categories, detector.head.spec.classes)
    found = {c.name: score(detect_all(c, dataset), dataset, ids).map for c in (given, fp32)}
    return {
        "left": {"as-given": left(detector.source.graph), "fp32": left(network.graph)},
        "map": {**found, "reference": REFERENCE[name]},
        "points_from_reference": {
            k: round(100 * (v - REFERENCE[name]), 3) for k, v in found.items()
        },
    }


def left(graph: Graph) -> dict[str, int]:
    """Return how many layers there are that only training needs."""
    return {"batchnorms": batchnorms(graph), "parallel_branches": parallel_branches(graph)}


def scored() -> Dataset:
    """Return the images that score."""
    from edgekit.images.datasets import open_dataset

    return open_dataset(str(DATA / "coco-val-mini" / "instances.json"))


if __name__ == "__main__":
    if sys.argv[1:2] == [ALONE]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        main()
