"""What INT8 does to a network of parallel branches, before and after they are merged.

Usage: python benchmarks/digits.py [--model FILE] [--scenes N] [--rows PATTERN] [PART...]

The demo's digit detector is trained with three branches per layer and shipped as it was trained.
Every tool is called on three float files: that one, the same with its batch normalizations folded,
and with its branches merged into single convolutions too. 64 scenes of the split ``calib``
calibrate, 2,000 of the split ``eval`` score. The parts are ``accuracy``, ``layers`` and
``latency`` (run that one on a quiet machine); parts that are not named keep what they had, and
every part has the commit it was run at. Needs the extras ``openvino`` and ``demo``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.export.simplify import simplify
from edgekit.graphs import graph_to_bytes
from edgekit.images.classes import match_classes
from edgekit.measure.latency import LatencyOptions, measure_latency
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.int8 import Int8Options, weight_rule
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare, proof_backend
from edgekit.pipeline.rows import Entry, score_entries
from edgekit.protocols import silent
from edgekit.reparam.fold import fold_batchnorm
from edgekit.reparam.merge import merge_branches
from edgekit.reparam.probes import probe_inputs
from edgekit.scenes.dataset import SceneRequest, rendered_dataset

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import merged_layers  # noqa: E402  (a sibling script)
import ort_cpu_int8 as usual  # noqa: E402  (a sibling script)
import peers  # noqa: E402  (a sibling script)
from cases import edgekit_fp32, saved  # noqa: E402
from committed import commit  # noqa: E402  (a sibling script)
from row_figures import accuracy_figures, coverage_figures, latency_figures  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgekit.pipeline.prepare import Detector
    from edgekit.pipeline.rows import Scores
    from edgekit.reparam.merge import MergeResult
    from edgekit.values import Dataset, Graph

MODEL = HERE.parent / "edgekit" / "models" / "digits.onnx"
RESULT = HERE / "results" / "digits.json"
SCENES, SEED = 2000, 0
GIVEN, FP32, INT8 = "as-given fp32", "edgekit fp32", "edgekit int8"
FILES = ("as-given", "folded", "merged")
TOOLS = {
    "ort defaults": peers.ORT_DEFAULTS,
    "ort defaults per-channel": peers.ORT_DEFAULTS_PER_CHANNEL,
    "ort conv-only": peers.ORT_CONV_ONLY,
    "ort conv-only per-channel": peers.ORT_CONV_ONLY_PER_CHANNEL,
    "nncf defaults": peers.NNCF_DEFAULTS,
}
PREPROCESSED = "ort defaults, quant_pre_process"
TIMED = ("ort conv-only on as-given", "nncf defaults on as-given")
BARS = (
    ("mAP50-95 of the file as given, in points", GIVEN, "map", 60.0),
    (
        "points that quantize_static defaults lose on the file as given",
        "ort defaults on as-given",
        "map_drop_points",
        5.0,
    ),
    (
        "points that quantize_static on Conv, Gemm and MatMul loses on the file as given",
        "ort conv-only on as-given",
        "map_drop_points",
        1.0,
    ),
)


@dataclass(frozen=True, eq=False)
class Setting:
    """What every part starts from.

    Attributes:
        calibration: The recipe's number of scenes of the split ``calib``.
        evaluation: Scenes of the split ``eval``.
        recipe: The precision of ``ort-cpu-int8``.
        folder: For files made on the way.
        pattern: Of the names of the rows to run.
    """

    detector: Detector
    calibration: Dataset
    evaluation: Dataset
    recipe: Int8
    folder: Path
    pattern: str


@dataclass(frozen=True, eq=False)
class FloatFiles:
    """The same network three times.

    Attributes:
        paths: A file for each of ``FILES``.
        folded: Its batch normalizations folded where a convolution precedes them.
        merges: Of ``folded``.
    """

    paths: dict[str, Path]
    folded: Graph
    merges: MergeResult


def main() -> None:
    """Run the parts and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--rows", default="*", help="such as '*on merged'")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"No part {sorted(unknown)}. There are {', '.join(PARTS)}.")
    out: Path = arguments.out
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        setting = setting_of(arguments.model, arguments.scenes, arguments.rows, Path(folder))
        for part in arguments.parts:
            result[part] = {
                "commit": commit(),
                "model_sha256": setting.detector.source.sha256,
                "machine": machine(),
                **PARTS[part](setting),
            }
            out.parent.mkdir(exist_ok=True)
            out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            print(f"written: {part} to {out.name}", flush=True)


def setting_of(model: Path, scenes: int, pattern: str, folder: Path) -> Setting:
    """Return the model and its scenes, which are rendered into ``folder``."""
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    return Setting(
        detector=prepare(model, ModelOptions()),
        calibration=rendered_dataset(SceneRequest("calib", recipe.calibration.count), folder),
        evaluation=rendered_dataset(SceneRequest("eval", scenes, SEED), folder),
        recipe=recipe,
        folder=folder,
        pattern=pattern,
    )


def machine() -> dict[str, Any]:
    """Return what this runs on, NNCF's version too."""
    described = vars(describe_machine())
    return {**described, "versions": {**described["versions"], "nncf": version("nncf")}}


def accuracy(setting: Setting) -> dict[str, Any]:
    """Return the score of every row, against the file as given."""
    data = setting.evaluation
    entries = [*edgekit_entries(setting), *peer_entries(setting)]
    spec = setting.detector.head.spec
    ids = match_classes(setting.detector.source.class_names, data.categories, spec.classes)
    scores = score_entries(entries, data, ids, silent)
    rows = {e.candidate.name: row(e, scores[e.candidate.name]) for e in entries}
    return {
        "scenes": len(data.records),
        "calibration_scenes": len(setting.calibration.records),
        "boxes": boxes_by_size(data),
        "rows": rows,
        "bars": bars(rows),
    }


def layers(setting: Setting) -> dict[str, Any]:
    """Return what merging does to the weights of every block, and to its output in INT8."""
    files = float_files(setting)
    quantized = {
        f"{tool} on {file}": peer_entry(setting, files, tool, file).candidate
        for tool, file in merged_layers.COMPARED
    }
    quantized[INT8] = next(
        e.candidate for e in edgekit_entries(setting) if e.candidate.name == INT8
    )
    return merged_layers.figures(files.folded, files.merges, quantized, setting.evaluation)


def latency(setting: Setting) -> dict[str, Any]:
    """Return the latency of the rows a user would choose from, timed in turn."""
    files = float_files(setting)
    entries = edgekit_entries(setting)
    for name in TIMED:
        tool, file = name.split(" on ")
        entries.append(peer_entry(setting, files, tool, file))
    names = [e.candidate.name for e in entries]
    run = measure_latency(
        [e.candidate for e in entries], setting.evaluation, LatencyOptions(min_runs=150)
    )
    return {
        "load_1min_before": run.before.load_1min,
        "throttled": run.throttled,
        "rows": {name: latency_figures(name, run) for name in names},
    }


PARTS: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "accuracy": accuracy,
    "layers": layers,
    "latency": latency,
}


def edgekit_entries(setting: Setting) -> list[Entry]:
    """Return the file as given, which is the baseline, and what edgekit makes of it."""
    network = network_of(setting.detector)
    fp32 = edgekit_fp32(setting.detector, network, setting.folder)
    rule = weight_rule(setting.recipe, find_device("host"))
    options = Int8Options(setting.recipe, rule, setting.folder)
    return [
        Entry(candidate_of(setting.detector, GIVEN), "fp32", baseline=True),
        Entry(fp32, "fp32"),
        usual.edgekit_int8(network, setting.calibration, options, fp32),
    ]


def peer_entries(setting: Setting) -> list[Entry]:
    """Return one row per tool and float file, and one with ONNX Runtime's own preparation."""
    files = float_files(setting)
    pairs = [(PREPROCESSED, "as-given"), *((tool, file) for file in FILES for tool in TOOLS)]
    return [
        peer_entry(setting, files, tool, file)
        for tool, file in pairs
        if fnmatchcase(f"{tool} on {file}", setting.pattern)
    ]


def peer_entry(setting: Setting, files: FloatFiles, tool: str, file: str) -> Entry:
    """Return what ``tool`` makes of ``file``."""
    name = f"{tool} on {file}"
    given = replace(candidate_of(setting.detector, name), model=files.paths[file])
    out = setting.folder / name.replace(" ", "_").replace(",", "")
    peer = peers.ORT_PREPROCESSED if tool == PREPROCESSED else TOOLS[tool]
    return usual.peer_entry(given, peer, setting.calibration, out)


def float_files(setting: Setting) -> FloatFiles:
    """Return the file as given, and folded, and merged, all with the same input and output."""
    source, backend = setting.detector.source, proof_backend()
    simple = simplify(source.graph, backend, probe_inputs(source.graph))
    folded = fold_batchnorm(simple).graph
    merges = merge_branches(folded)
    paths = {"as-given": source.path}
    for name, graph in (("folded", folded), ("merged", merges.graph)):
        paths[name] = saved(setting.folder / f"{name}.onnx", graph_to_bytes(graph))
    return FloatFiles(paths, folded, merges)


def row(entry: Entry, score: Scores) -> dict[str, Any]:
    """Return what was measured of one row, by size of the objects too."""
    accuracy = score.accuracy
    assert accuracy is not None
    names = ("map75", "map_small", "map_medium", "map_large")
    more = {name: (v := getattr(accuracy, name)) and round(v, 5) for name in names}
    return accuracy_figures(score) | more | coverage_figures(entry)


def boxes_by_size(dataset: Dataset) -> dict[str, int]:
    """Return how many objects COCO calls small, medium and large."""
    areas = [float(a) for r in dataset.records if r.truth is not None for a in r.truth.area]
    small, large = sum(a < 32**2 for a in areas), sum(a >= 96**2 for a in areas)
    return {"small": small, "medium": len(areas) - small - large, "large": large}


def bars(rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the detector has to show, with what was found; rows that ran only."""
    found = []
    for title, name, key, least in BARS:
        if name in rows:
            value = rows[name][key] * (100 if key == "map" else 1)
            found.append(
                {"bar": title, "at_least": least, "found": round(value, 2), "met": value >= least}
            )
    return found


if __name__ == "__main__":
    main()
