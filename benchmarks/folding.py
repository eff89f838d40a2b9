"""What folding and merging are worth in FP32: latency before and after, timed in turn.

Usage: python benchmarks/folding.py [--runs N] [MODEL...]

Each network is timed as it was trained, with its batch normalizations and parallel branches, and
after every exact rewrite; with ONNX Runtime's own graph optimizations, which fold batch
normalizations but merge no branches, and without them. Both are simplified by onnxsim first, so
that nothing but the rewrites lies between them. The networks are the demo's digit detector,
YOLOv10-S as exported unfused (needs the folder EDGEKIT_DATA) and YOLOv6-S of its published size
with random weights (needs the extra ``torch``). Run it on a quiet machine; networks that are not
named keep what they had.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.export.simplify import simplify
from edgekit.graphs import graph_to_bytes
from edgekit.macs import macs_per_node, parameters
from edgekit.measure.latency import LatencyOptions, measure_latency, speedup
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import prepare, proof_backend
from edgekit.reparam.probes import probe_inputs
from edgekit.reparam.reparameterize import reparameterize

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA, saved  # noqa: E402
from committed import commit  # noqa: E402  (a sibling script)

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from edgekit.measure.candidate import Candidate
    from edgekit.measure.latency import LatencyRun
    from edgekit.reparam.reparameterize import Reparameterized
    from edgekit.values import Graph

RESULT = HERE / "results" / "folding.json"
DIGITS = HERE.parent / "edgekit" / "models" / "digits.onnx"
SETTINGS = {"optimized": True, "not optimized": False}
FILES = ("as trained", "folded")


@dataclass(frozen=True)
class Untrained:
    """A network of published size whose weights are random."""

    module: nn.Module
    family: str
    class_names: tuple[str, ...] = tuple(f"class {number}" for number in range(80))
    strides: tuple[float, ...] = (8.0, 16.0, 32.0)
    end_to_end: bool = False
    notes: tuple[str, ...] = ("random weights",)


def main() -> None:
    """Measure the networks and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--runs", type=int, default=100, help="of each file, at least")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"No network {sorted(unknown)}. There are {', '.join(MODELS)}.")
    out: Path = arguments.out
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            path = MODELS[name](Path(folder))
            result[name] = {
                "commit": commit(),
                "machine": vars(describe_machine()),
                **measured(path, Path(folder), LatencyOptions(min_runs=arguments.runs)),
            }
        out.parent.mkdir(exist_ok=True)
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written: {name} to {out.name}", flush=True)


def measured(path: Path, folder: Path, options: LatencyOptions) -> dict[str, Any]:
    """Return what the rewrites do to the network at ``path``, and how fast it is without them."""
    detector, backend = prepare(path, ModelOptions()), proof_backend()
    probes = probe_inputs(detector.source.graph)
    trained = simplify(detector.source.graph, backend, probes)
    folded = reparameterize(trained, backend, probes)
    graphs = dict(zip(FILES, (trained, folded.graph), strict=True))
    given = candidate_of(detector, path.stem)
    candidates = [
        _candidate(given, folder, (file, graph), setting)
        for setting in SETTINGS
        for file, graph in graphs.items()
    ]
    return {
        "sha256": detector.source.sha256,
        "files": {file: size_of(graph) for file, graph in graphs.items()},
        "rewrites": told(folded),
        "latency": latency_figures(measure_latency(candidates, None, options)),
    }


def size_of(graph: Graph) -> dict[str, int]:
    """Return how large a network is."""
    macs = sum(macs_per_node(graph).values())
    return {"nodes": len(graph.model.graph), "macs": macs, "params": parameters(graph)}


def told(folded: Reparameterized) -> dict[str, Any]:
    """Return how many nodes each rule did away with, and how closely all of it was proven."""
    return {
        "rules": dict(Counter(done.rule for done in folded.done for _ in done.gone)),
        "largest_difference": max((proof.difference for proof in folded.proofs), default=0.0),
        "refused": len(folded.refused),
    }


def latency_figures(run: LatencyRun) -> dict[str, Any]:
    """Return the latency of every file in every setting, and what folding is worth in each."""
    by_name = {result.name: result for result in run.results}
    found: dict[str, Any] = {"throttled": run.throttled, "load_1min": run.before.load_1min}
    for setting in SETTINGS:
        trained, folded = (by_name[f"{file}, {setting}"] for file in FILES)
        ratio = speedup(trained, folded)
        found[setting] = {
            "p50_ms": {
                file: round(r.latency.p50, 3)
                for file, r in zip(FILES, (trained, folded), strict=True)
            },
            "runs": folded.latency.runs,
            "speedup": round(ratio.value, 3),
            "speedup_ci95": [round(ratio.low, 3), round(ratio.high, 3)],
        }
    return found


def _candidate(given: Candidate, folder: Path, named: tuple[str, Graph], setting: str) -> Candidate:
    file, graph = named
    model = saved(folder / f"{file.replace(' ', '_')}.onnx", graph_to_bytes(graph))
    backend = OnnxRuntime(optimize=SETTINGS[setting])
    return replace(given, name=f"{file}, {setting}", model=model, backend=backend)


def digits(_: Path) -> Path:
    """Return the demo's detector, which is shipped as it was trained."""
    return DIGITS


def yolov10s(_: Path) -> Path:
    """Return YOLOv10-S, exported with its batch normalizations and branches."""
    return DATA / "models" / "yolov10s_e2e_unfused.onnx"


def yolov6s(folder: Path) -> Path:
    """Return YOLOv6-S as it is trained, with random weights, exported into ``folder``."""
    import torch

    from edgekit.export.torch_onnx import export_detector
    from edgekit.nets.architectures.registry import ARCHITECTURES

    torch.manual_seed(0)
    module = ARCHITECTURES["yolov6s"].build(80).eval()
    for name, numbers in module.named_parameters():
        if numbers.ndim == 1:  # all 0 or all 1 before training, when equal ones are stored once
            torch.nn.init.normal_(numbers, mean=float(name.endswith("weight")), std=0.1)
    graph = export_detector(Untrained(module, "yolov6"))
    return saved(folder / "yolov6s.onnx", graph_to_bytes(graph))


MODELS: dict[str, Callable[[Path], Path]] = {
    "digits": digits,
    "yolov10s": yolov10s,
    "yolov6s": yolov6s,
}


if __name__ == "__main__":
    main()
