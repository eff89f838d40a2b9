"""INT8 on ONNX Runtime's CPU provider: edgekit beside the usual tools, same models, same images.

Usage: python benchmarks/ort_cpu_int8.py [--kernels avx2] [MODEL...]

Every model of ``MODELS`` is calibrated on the same 64 images of coco-train-mini and scored on
coco-val-mini. ``--kernels avx2`` hides every instruction set after AVX2 from the runtimes and
quantizes for such a processor: what an older machine would run, at this machine's clock.
Models that are not named keep the rows they had; every model has the commit it was run at.
Needs the folder EDGEKIT_DATA and the ``openvino`` extra.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.backends.coverage import read_coverage
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.cli.flags import cache_folder
from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.images.classes import match_classes
from edgekit.images.datasets import choose, open_dataset
from edgekit.images.letterbox import letterbox, to_input
from edgekit.images.read import read_image
from edgekit.measure.latency import LatencyOptions, measure_latency, speedup
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.int8 import Int8Options, quantize_network, weight_rule
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.pipeline.rows import Entry, score_entries
from edgekit.protocols import silent

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import only_avx2  # noqa: E402  (a sibling script)
import peers  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers import Peer

    from edgekit.measure.candidate import Candidate
    from edgekit.measure.latency import LatencyRun
    from edgekit.pipeline.prepare import Detector, Network
    from edgekit.pipeline.rows import Scores
    from edgekit.values import Dataset, Floats

DATA = Path(os.environ.get("EDGEKIT_DATA", HERE.parents[1] / "shared" / "data"))
MODELS = {
    "yolov8n": ModelOptions(),
    "yolov5n": ModelOptions(),
    "yolox_nano_kazuhito": ModelOptions(),
    "picodet_s_320_coco": ModelOptions(family="picodet"),
}
OBSERVERS = ("minmax", "moving-average", "percentile", "mse", "damage")
PEERS = {
    "ort quantize_static defaults": peers.ORT_DEFAULTS,
    "ort quantize_static conv-only": peers.ORT_CONV_ONLY,
    "nncf defaults (openvino)": peers.NNCF_DEFAULTS,
}


def main() -> None:
    """Run every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--kernels", choices=("native", "avx2"), default="native")
    arguments = parser.parse_args()
    if arguments.kernels == "avx2":
        only_avx2.restart_under_it(cache_folder())
    device = "host" if arguments.kernels == "native" else "generic-x86-avx2"
    path = HERE / "results" / f"ort_cpu_int8_{arguments.kernels}.json"
    path.parent.mkdir(exist_ok=True)
    result: dict[str, Any] = {
        "kernels": arguments.kernels,
        "device": find_device(device).model_dump(mode="json"),
        "machine": vars(describe_machine()),
        "commits": {},
        "models": {},
    }
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        result |= {"commits": before["commits"], "models": before["models"]}
    at = commit()
    for name in arguments.models:
        result["models"][name] = run_model(name, device)
        result["commits"][name] = at
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written: {name} to {path.name}", flush=True)


def commit() -> str:
    """Return the commit this runs at; ``+changes`` after it when the tree differs."""
    git = ["git", "-C", str(HERE)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no"],
        capture_output=True,
        text=True,
        check=True,
    )
    return head.stdout.strip() + ("+changes" if dirty.stdout.strip() else "")


def run_model(name: str, device: str) -> dict[str, Any]:
    """Return the figures of every row of one model."""
    detector = prepare(DATA / "models" / f"{name}.onnx", MODELS[name])
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    draw = recipe.calibration
    calibration = choose(
        open_dataset(DATA / "coco-train-mini" / "instances.json"), draw.count, draw.seed
    )
    evaluation = open_dataset(DATA / "coco-val-mini" / "instances.json")
    with tempfile.TemporaryDirectory() as folder:
        entries = [
            *edgekit_entries(detector, calibration, recipe, device, Path(folder)),
            *peer_entries(detector, calibration, Path(folder)),
        ]
        ids = match_classes(
            detector.source.class_names, evaluation.categories, detector.head.spec.classes
        )
        scores = score_entries(entries, evaluation, ids, silent)
        run = measure_latency(
            [e.candidate for e in entries], evaluation, LatencyOptions(min_runs=150)
        )
        return {e.candidate.name: figures(e, scores, run) for e in entries}


def edgekit_entries(
    detector: Detector, calibration: Dataset, recipe: Int8, device: str, folder: Path
) -> list[Entry]:
    """Return edgekit's FP32 row and one INT8 row per observer."""
    network = network_of(detector)
    given = candidate_of(detector, "as-given fp32")
    fp32 = edgekit_fp32(detector, network, folder)
    entries = [Entry(given, "fp32"), Entry(fp32, "fp32", baseline=True)]
    for observer in OBSERVERS:
        precision = recipe.model_copy(update={"observer": observer})
        rule = weight_rule(precision, find_device(device))
        options = Int8Options(precision, rule, folder)
        entries.append(edgekit_int8(network, calibration, options, fp32))
    return entries


def edgekit_fp32(detector: Detector, network: Network, folder: Path) -> Candidate:
    """Return the float network that edgekit ships, written to ``folder``."""
    return replace(
        candidate_of(detector, "edgekit fp32"),
        model=saved(folder / "fp32.onnx", graph_to_bytes(network.graph)),
        head=network.head,
        input="u8-nhwc",
    )


def edgekit_int8(
    network: Network, calibration: Dataset, options: Int8Options, fp32: Candidate
) -> Entry:
    """Return ``network`` in INT8, written beside ``fp32``, its own float form."""
    observer = options.precision.observer
    quantized = quantize_network(network, calibration, options)
    model = saved(fp32.model.with_name(f"{observer}.onnx"), graph_to_bytes(quantized.graph))
    coverage = read_coverage(
        network.graph, quantized.graph, quantized.plan.kept_float, OnnxRuntime()
    )
    candidate = replace(fp32, name=f"edgekit int8 {observer}", model=model)
    return Entry(candidate, "int8", coverage=coverage)


def peer_entries(detector: Detector, calibration: Dataset, folder: Path) -> list[Entry]:
    """Return one row per peer, quantized from the user's own file."""
    given = candidate_of(detector, "as-given fp32")
    return [
        peer_entry(replace(given, name=title), PEERS[title], calibration, folder / f"peer{number}")
        for number, title in enumerate(PEERS)
    ]


def peer_entry(given: Candidate, peer: Peer, calibration: Dataset, out: Path) -> Entry:
    """Return what ``peer`` makes of the float model of ``given``, under its name.

    Args:
        given: Takes float images; its name is that of the row.
        peer: The tool.
        calibration: Images it is calibrated on.
        out: Where it writes, without a suffix.
    """
    with given.backend.open(given.model) as session:
        name = session.inputs[0].name

    def inputs() -> Iterator[Floats]:
        for record in calibration.records:
            pixels_rgb = read_image(record).pixels_rgb
            if pixels_rgb is not None:
                yield to_input(letterbox(pixels_rgb, given.preprocess).pixels, given.preprocess)

    model = out.with_suffix(peer.suffix)
    peer.quantize(given.model, model, name, inputs)
    return Entry(replace(given, model=model, backend=peer.backend), "int8")


def saved(path: Path, data: bytes) -> Path:
    """Return ``path``, now holding ``data``."""
    path.write_bytes(data)
    return path


def figures(entry: Entry, scores: dict[str, Scores], run: LatencyRun) -> dict[str, Any]:
    """Return what was measured of one row."""
    return (
        accuracy_figures(scores[entry.candidate.name])
        | latency_figures(entry.candidate.name, run)
        | coverage_figures(entry)
    )


def accuracy_figures(score: Scores) -> dict[str, Any]:
    """Return how good one row is, as fractions of 1, and what it lost, in points."""
    assert score.accuracy is not None
    return {
        "map": round(score.accuracy.map, 5),
        "map50": round(score.accuracy.map50, 5),
        "map_drop_points": score.drop and round(score.drop.value, 3),
        "map_drop_ci95": score.drop and [round(score.drop.low, 3), round(score.drop.high, 3)],
        "agreement": score.agreement and round(score.agreement, 4),
    }


def latency_figures(name: str, run: LatencyRun) -> dict[str, Any]:
    """Return how fast the row ``name`` is, alone and against both float rows."""
    by_name = {r.name: r for r in run.results}
    timed = by_name[name]
    ratio = speedup(by_name["edgekit fp32"], timed)
    ratio_given = speedup(by_name["as-given fp32"], timed)
    return {
        "p50_ms": round(timed.latency.p50, 3),
        "p90_ms": round(timed.latency.p90, 3),
        "runs": timed.latency.runs,
        "speedup_over_edgekit_fp32": round(ratio.value, 3),
        "speedup_over_edgekit_fp32_ci95": [round(ratio.low, 3), round(ratio.high, 3)],
        "speedup_over_as_given": round(ratio_given.value, 3),
        "speedup_over_as_given_ci95": [round(ratio_given.low, 3), round(ratio_given.high, 3)],
    }


def coverage_figures(entry: Entry) -> dict[str, Any]:
    """Return how much of one row runs in INT8, where that was looked at."""
    if entry.coverage is None:
        return {}
    return {
        "mac_share_int8": round(entry.coverage.mac_share_int8, 4),
        "convs_int8": entry.coverage.int8,
        "convs_float": len(entry.coverage.float_nodes),
    }


if __name__ == "__main__":
    main()
