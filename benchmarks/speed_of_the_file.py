"""What makes an INT8 file fast on ONNX Runtime's CPU provider: every way of writing and running it.

Usage: python benchmarks/speed_of_the_file.py [--kernels avx2] [MODEL...]

Each model is calibrated on 8 images, which is enough for times, and written as edgekit writes it
and once for every choice made otherwise; then all are run in turn. A figure is how many times as
fast as what edgekit writes the other way is, the median over rounds. Under ``where`` is what the
operators of the runtime's own graph take. Needs the folder EDGEKIT_DATA.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from edgekit.cli.flags import cache_folder
from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.graphs import graph_to_bytes
from edgekit.images.datasets import choose, open_dataset
from edgekit.measure.statistics import median_interval
from edgekit.pipeline.int8 import Int8Options, calibrate_network, weight_rule
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import ORT_X86

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cases  # noqa: E402
import only_avx2  # noqa: E402  (a sibling script)
from committed import keep_models  # noqa: E402  (a sibling script)
from other_spellings import one_node_silu, siblings_merged  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgekit.pipeline.int8 import Calibrated
    from edgekit.pipeline.prepare import Network
    from edgekit.quantize.rules import RuntimeRules
    from edgekit.values import Graph, WeightRule

MODELS = ("yolov8n", "yolov5n", "yolox_nano_kazuhito", "picodet_s_320_coco")
ROUNDS, RUNS, PAUSE_S = 24, 5, 0.02
FLOAT, WRITTEN = "fp32", "int8"
RULES = {
    "the runtime's Resize": replace(ORT_X86, repeating=frozenset()),
    "last layers in float": replace(ORT_X86, products=frozenset()),
}
OPTIONS = {
    "threads do not spin": {"session.intra_op.allow_spinning": "0"},
    "denormals are zero": {"session.set_denormal_as_zero": "1"},
    "Q/DQ cleaned up": {"session.enable_quant_qdq_cleanup": "1"},
    "no memory arena": {"session.enable_cpu_mem_arena": "0"},
    "no layout changes": {"session.graph_optimization_level": "2"},
}


@dataclass(frozen=True)
class Way:
    """A file and how it is run."""

    name: str
    model: bytes
    options: Mapping[str, str] = field(default_factory=dict)


def main() -> None:
    """Run every model and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--kernels", choices=("native", "avx2"), default="native")
    arguments = parser.parse_args()
    device = only_avx2.device_with(arguments.kernels, cache_folder())
    name = f"speed_of_the_file_{arguments.kernels}"
    keep_models(name, arguments.models, lambda model: figures(ways(model, device)))


def ways(name: str, device: str) -> list[Way]:
    """Return one model written and run in every way."""
    network = network_of(prepare(cases.DATA / "models" / f"{name}.onnx", cases.MODELS[name]))
    images = choose(open_dataset(cases.DATA / "coco-train-mini" / "instances.json"), 8, 0)
    merged = replace(network, graph=siblings_merged(network.graph))
    options = int8_options(device)
    found = calibrate_network(network, images, options)
    found_merged = calibrate_network(merged, images, options)
    rule = options.weight_rule
    whole = in_integers(network, found, rule)
    graphs = {
        FLOAT: network.graph,
        "fp32, siblings merged": merged.graph,
        WRITTEN: whole,
        **{f"int8, {k}": in_integers(network, found, rule, r) for k, r in RULES.items()},
        "int8, first layer in float": in_integers(network, first_in_float(network, found), rule),
        "int8, siblings merged": in_integers(merged, found_merged, rule),
        "int8, SiLU as one float node": one_node_silu(whole),
    }
    every = [Way(key, graph_to_bytes(graph)) for key, graph in graphs.items()]
    for key in (FLOAT, WRITTEN):
        model = graph_to_bytes(graphs[key])
        every += [Way(f"{key}, {k}", model, options) for k, options in OPTIONS.items()]
    return every


def int8_options(device: str) -> Int8Options:
    """Return the recipe's options with ranges by squared error."""
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    precision = recipe.model_copy(update={"observer": "mse"})
    return Int8Options(precision, weight_rule(precision, find_device(device)))


def in_integers(
    network: Network, found: Calibrated, rule: WeightRule, rules: RuntimeRules = ORT_X86
) -> Graph:
    """Return ``network`` in INT8 under ``rules``."""
    in_float = {**found.kept_float, **found.drowned}
    decided = plan(network.graph, rules, in_float, found.shared)
    return quantize(network.graph, decided, found.ranges, rule, found.bias_shifts).graph


def first_in_float(network: Network, found: Calibrated) -> Calibrated:
    """Return ``found`` with the first convolution kept in float."""
    first = next(str(n.name) for n in network.graph.model.graph if n.op_type == "Conv")
    return replace(found, kept_float={**found.kept_float, first: "tried"})


def figures(every: Sequence[Way]) -> dict[str, Any]:
    """Return what was measured of all ways, run in turn."""
    sessions = [opened(way) for way in every]
    feeds = image_for(sessions[0])
    times = in_turn(sessions, feeds)
    by_name = {way.name: times[:, n] for n, way in enumerate(every)}
    rows = {}
    for name, each in by_name.items():
        base = by_name[FLOAT if name.startswith(FLOAT) else WRITTEN]
        ratio = median_interval(list(base / each))
        rows[name] = {
            "p50_ms": round(float(np.median(each)), 3),
            "times_as_fast": round(ratio.value, 3),
            "times_as_fast_ci95": [round(ratio.low, 3), round(ratio.high, 3)],
        }
    speedup = median_interval(list(by_name[FLOAT] / by_name[WRITTEN]))
    return {
        "rounds": ROUNDS,
        "runs": RUNS,
        "speedup": round(speedup.value, 3),
        "speedup_ci95": [round(speedup.low, 3), round(speedup.high, 3)],
        "ways": rows,
        "where": {way.name: where(way) for way in every if way.name in {FLOAT, WRITTEN}},
    }


def opened(way: Way, profile: Path | None = None) -> ort.InferenceSession:
    """Return a session, on as many threads as the runtime takes by itself."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    for key, value in way.options.items():
        if key == "session.enable_cpu_mem_arena":
            options.enable_cpu_mem_arena = value == "1"
        elif key == "session.graph_optimization_level":
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        else:
            options.add_session_config_entry(key, value)
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return ort.InferenceSession(way.model, options, providers=["CPUExecutionProvider"])


def image_for(session: ort.InferenceSession) -> dict[str, Any]:
    """Return noise of the size that ``session`` takes."""
    (image,) = session.get_inputs()
    return {image.name: np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8)}


def in_turn(sessions: Sequence[ort.InferenceSession], feeds: dict[str, Any]) -> Any:
    """Return milliseconds by round and session; every round starts with another session."""
    times = np.zeros((ROUNDS, len(sessions)))
    for number in range(ROUNDS):
        for n in np.roll(np.arange(len(sessions)), number):
            time.sleep(PAUSE_S)  # for the last session's threads to stop spinning
            sessions[n].run(None, feeds)
            each = []
            for _ in range(RUNS):
                start = time.perf_counter()
                sessions[n].run(None, feeds)
                each.append(1e3 * (time.perf_counter() - start))
            times[number, n] = np.median(each)
    return times


def where(way: Way) -> dict[str, float]:
    """Return what each kind of operator takes in one run, in ms, the dearest first."""
    with tempfile.TemporaryDirectory() as folder:
        session = opened(way, Path(folder) / "profile")
        feeds = image_for(session)
        for _ in range(30):
            session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    times: dict[tuple[str, str], list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            times.setdefault((event["args"]["op_name"], event["name"]), []).append(event["dur"])
    total: Counter[str] = Counter()
    for (kind, _), each in times.items():
        total[kind] += float(np.median(each[5:])) / 1e3
    return {kind: round(ms, 3) for kind, ms in total.most_common(12)}


if __name__ == "__main__":
    main()
