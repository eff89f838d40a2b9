"""INT8 of a detector trained on blood cells: edgekit beside the usual tools.

Usage: python benchmarks/bccd.py [--model FILE] [--data FOLDER] [PART...]

The detector of ``examples/bccd``, as training left it with every branch, meets each tool at its
defaults. The first 128 images of the list ``train`` calibrate, which the detector was trained on;
``val`` and ``test`` score, and nothing was decided on them. The parts are ``accuracy`` and
``latency`` (run that one on a quiet machine); a part that is not named keeps what it had, and each
has the commit it was run at. Needs the folder EDGEKIT_DATA and the extra ``openvino``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.images.classes import match_classes
from edgekit.images.overlap import file_sha256, shared_images
from edgekit.images.voc import open_voc
from edgekit.measure.accuracy import score
from edgekit.measure.latency import LatencyOptions, measure_latency
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.int8 import Int8Options, weight_rule
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.pipeline.rows import Entry, score_entries
from edgekit.protocols import silent

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import cases  # noqa: E402  (a sibling script)
import ort_cpu_int8 as usual  # noqa: E402
import peers  # noqa: E402
from committed import commit  # noqa: E402  (a sibling script)
from row_figures import accuracy_figures, coverage_figures, latency_figures  # noqa: E402

from examples.bccd.cells import report_set  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgekit.pipeline.rows import Scores
    from edgekit.values import Dataset

MODEL = HERE.parent / "examples" / "bccd" / "bccd.onnx"
RESULT = HERE / "results" / "bccd.json"
DATA = cases.DATA / "bccd" / "BCCD"
CALIBRATING = 128
GIVEN, FP32, INT8 = cases.GIVEN, cases.FP32, usual.INT8
TOOLS = {
    "ort defaults": peers.ORT_DEFAULTS,
    "ort conv-only": peers.ORT_CONV_ONLY,
    "nncf defaults": peers.NNCF_DEFAULTS,
}


@dataclass(frozen=True)
class Bar:
    """What a row has to show.

    Attributes:
        title: What is compared, for the reader.
        part: Of the result.
        row: By name.
        key: Of the figure in the row.
        limit: In the unit of ``title``.
        at_least: Whether the figure has to reach the limit; else it must not exceed it.
        factor: From the figure to the unit of ``title``.
    """

    title: str
    part: str
    row: str
    key: str
    limit: float
    at_least: bool = True
    factor: float = 1.0


BARS = (
    Bar("mAP50 of the file as given, in points", "accuracy", GIVEN, "map50", 85.0, factor=100),
    Bar(
        "points of mAP50-95 that INT8 loses",
        "accuracy",
        INT8,
        "map_drop_points",
        0.5,
        at_least=False,
    ),
    Bar("agreement of INT8 with FP32", "accuracy", INT8, "agreement", 0.95),
    Bar("share of MACs in INT8, in percent", "accuracy", INT8, "mac_share_int8", 90, factor=100),
    Bar(
        "speed of INT8 over edgekit's FP32",
        "latency",
        INT8,
        "speedup_over_edgekit_fp32",
        1.5,
    ),
)


@dataclass(frozen=True, eq=False)
class Setting:
    """What every part starts from.

    Attributes:
        entries: The file as given, edgekit's FP32, its INT8, and one per tool.
        evaluation: The lists ``val`` and ``test``.
        category_ids: Of the classes of the detector.
    """

    entries: tuple[Entry, ...]
    evaluation: Dataset
    category_ids: tuple[int, ...]


def main() -> None:
    """Run the parts and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with Annotations")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"No part {sorted(unknown)}. There are {', '.join(PARTS)}.")
    out: Path = arguments.out
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        setting = setting_of(arguments.model, arguments.data, Path(folder))
        for part in arguments.parts:
            result[part] = {
                "commit": commit(),
                "model_sha256": file_sha256(arguments.model),
                "machine": machine(),
                **PARTS[part](setting),
            }
    result["bars"] = bars(result)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written: {', '.join(arguments.parts)} to {out.name}", flush=True)


def setting_of(model: Path, data: Path, folder: Path) -> Setting:
    """Return every row's model, made in ``folder``, and the images they are scored on."""
    whole, evaluation = open_voc(data, "train"), report_set(data)
    calibration = replace(whole, records=whole.records[:CALIBRATING])
    assert not shared_images(whole, evaluation)
    detector = prepare(model, ModelOptions())
    network = network_of(detector)
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    options = Int8Options(recipe, weight_rule(recipe, find_device("host")), folder)
    given = candidate_of(detector, GIVEN)
    fp32 = cases.edgekit_fp32(detector, network, folder)
    entries = [
        Entry(given, "fp32"),
        Entry(fp32, "fp32", baseline=True),
        usual.edgekit_int8(network, calibration, options, fp32),
    ]
    for tool, peer in TOOLS.items():
        out = folder / tool.replace(" ", "-")
        entries.append(usual.peer_entry(replace(given, name=tool), peer, calibration, out))
    spec = detector.head.spec
    ids = match_classes(detector.source.class_names, evaluation.categories, spec.classes)
    return Setting(tuple(entries), evaluation, ids)


def machine() -> dict[str, Any]:
    """Return what this runs on, NNCF's version too."""
    described = vars(describe_machine())
    return {**described, "versions": {**described["versions"], "nncf": version("nncf")}}


def accuracy(setting: Setting) -> dict[str, Any]:
    """Return the score of every row, against edgekit's FP32."""
    data, ids = setting.evaluation, setting.category_ids
    scores = score_entries([usual.quiet(e) for e in setting.entries], data, ids, silent)
    rows = {
        name: accuracy_figures(found)
        | {"per_class": by_class(found, setting)}
        | coverage_figures(entry)
        for entry in setting.entries
        for name, found in [(entry.candidate.name, scores[entry.candidate.name])]
    }
    return {
        "images": len(data.records),
        "calibration_images": CALIBRATING,
        "boxes": {
            category.name: sum(len(r.truth.xyxy) for r in of_class(data, category.id).records)
            for category in data.categories
        },
        "rows": rows,
    }


def by_class(found: Scores, setting: Setting) -> dict[str, dict[str, float]]:
    """Return mAP50-95 and mAP50 of every class alone."""
    alone = {
        category.name: score(
            found.found, of_class(setting.evaluation, category.id), setting.category_ids
        )
        for category in setting.evaluation.categories
    }
    return {
        name: {"map": round(of.map, 5), "map50": round(of.map50, 5)} for name, of in alone.items()
    }


def of_class(dataset: Dataset, category: int) -> Dataset:
    """Return ``dataset`` with the objects of one class only."""
    records = []
    for record in dataset.records:
        truth = record.truth
        assert truth is not None
        kept = truth.categories == category
        arrays = {name: values[kept] for name, values in vars(truth).items()}
        records.append(replace(record, truth=type(truth)(**arrays)))
    return replace(dataset, records=tuple(records))


def latency(setting: Setting) -> dict[str, Any]:
    """Return the latency of every row, timed in turn."""
    candidates = [e.candidate for e in setting.entries]
    run = measure_latency(candidates, setting.evaluation, LatencyOptions(min_runs=150))
    return {
        "load_1min_before": run.before.load_1min,
        "throttled": run.throttled,
        "rows": {c.name: latency_figures(c.name, run) for c in candidates},
    }


PARTS: dict[str, Callable[[Setting], dict[str, Any]]] = {
    "accuracy": accuracy,
    "latency": latency,
}


def bars(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every bar with what was found, of the parts that were run."""
    found = []
    for bar in BARS:
        if bar.part in result:
            value = bar.factor * result[bar.part]["rows"][bar.row][bar.key]
            met = value >= bar.limit if bar.at_least else value <= bar.limit
            limit = {"at_least" if bar.at_least else "at_most": bar.limit}
            found.append({"bar": bar.title, **limit, "found": round(value, 3), "met": met})
    return found


if __name__ == "__main__":
    main()
