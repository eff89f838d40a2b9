"""How far rounding alone takes a network, and whether the proofs of rewrites find wrong ones.

Usage: python benchmarks/rewrite_parity.py [--out FILE] [NAME...]

Networks with weights of chance, whose batch normalizations have the statistics of what they see,
make much of any error; two real networks with all of their training-time layers make little of it.
Each is rewritten in float32 and in float64, and the four are compared with each other and with what
a change in the last digit of the input does: the noise that decision 13 allows four times. Then
some layers are made wrong, one at a time (``wrong_rewrites.py``).
Differences are those of ``reparam/parity.py``, of the worse of two inputs.
Needs the extra ``torch`` and a checkout, for the weights; the real networks need the folder
EDGEKIT_DATA. Networks that are not named keep what they had.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "rewrite_parity.json"
sys.path[:0] = [str(HERE), str(HERE.parent)]

import wrong_rewrites  # noqa: E402  (a sibling script)
from cases import DATA  # noqa: E402
from committed import commit  # noqa: E402
from float64 import Float64Runtime, in_float64  # noqa: E402
from folding import Untrained  # noqa: E402

from edgekit.export.simplify import simplify  # noqa: E402
from edgekit.export.torch_onnx import ExportOptions, export_detector  # noqa: E402
from edgekit.graphs import graph_from_model  # noqa: E402
from edgekit.load.onnx_file import LoadOptions, load_onnx  # noqa: E402
from edgekit.measure.machine import describe_machine  # noqa: E402
from edgekit.nets.architectures.registry import ARCHITECTURES  # noqa: E402
from edgekit.pipeline.prepare import proof_backend  # noqa: E402
from edgekit.reparam.normal_form import infer_shapes, normal_form  # noqa: E402
from edgekit.reparam.outputs import drop_auxiliary_outputs  # noqa: E402
from edgekit.reparam.parity import TOLERANCE, compare, evaluate  # noqa: E402
from edgekit.reparam.probes import probe_inputs  # noqa: E402
from edgekit.reparam.reparameterize import reparameterize  # noqa: E402
from tests.published import fill  # noqa: E402

if TYPE_CHECKING:
    from edgekit.reparam.parity import Values
    from edgekit.values import Graph

OF_CHANCE = (
    "yolov5n",
    "yolov6n",
    "yolov7-tiny-training",
    "yolov8n",
    "yolov9t",
    "yolov10s",
    "yolo11n",
    "repvgg-a0",
)
REAL = ("yolov8n_unfused", "yolov10s_e2e_unfused")
SIDE = 96
SEEDS = (0, 1, 2)
LAYERS = 6


def main() -> None:
    """Measure the networks and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*OF_CHANCE, *REAL])
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {*OF_CHANCE, *REAL}
    if unknown:
        parser.error(f"No network {sorted(unknown)}. There are {', '.join([*OF_CHANCE, *REAL])}.")
    out: Path = arguments.out
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for name in arguments.names:
        made_by = {"commit": commit(), "machine": vars(describe_machine())}
        result[name] = made_by | measured(name)
        ordered = {known: result[known] for known in (*OF_CHANCE, *REAL) if known in result}
        out.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        print(f"written: {name} to {out.name}", flush=True)


def measured(name: str) -> dict[str, Any]:
    """Return what rounding does to the network, and what becomes of its wrong rewrites."""
    subjects = [subject_of(of_chance(name, seed)) for seed in SEEDS] if name in OF_CHANCE else []
    subjects = subjects or [subject_of(real(name))]
    return {
        "weights": "of chance" if name in OF_CHANCE else "real",
        "rounding": [rounding(subject) for subject in subjects],
        "wrong": wrong_rewrites.figures(subjects[0], LAYERS),
    }


def of_chance(name: str, seed: int = 0) -> Graph:
    """Return a network as it is trained, with the statistics of images of noise."""
    known = ARCHITECTURES[name]
    module = fill(known.build(80), seed)
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train().momentum = None
        norm.reset_running_stats()
    with torch.inference_mode():
        module(torch.rand(4, 3, SIDE, SIDE))
    detector = Untrained(module.eval(), known.family)
    exported = export_detector(detector, ExportOptions((SIDE, SIDE)))
    return graph_from_model(infer_shapes(normal_form(exported.model)))


def real(name: str) -> Graph:
    """Return a network that was trained, from its file."""
    path = DATA / "models" / f"{name}.onnx"
    return load_onnx(path, proof_backend(), LoadOptions()).graph


def subject_of(graph: Graph) -> wrong_rewrites.Subject:
    """Return ``graph`` before and after its rewrites, each layer of which is proven."""
    backend, probes = proof_backend(), probe_inputs(graph)
    before = drop_auxiliary_outputs(simplify(graph, backend, probes)).graph
    after = wrong_rewrites.rewritten(before, backend, probes[-1])
    return wrong_rewrites.subject(before, after, probes, backend)


def rounding(subject: wrong_rewrites.Subject) -> dict[str, Any]:
    """Return how far the network is from itself rewritten, and each from its float64."""
    before, after, probes = subject.before, subject.after, subject.probes
    names, wide = tuple(subject.expected[0]), Float64Runtime()
    expected, found = subject.expected, evaluate(after, names, subject.backend, probes)
    before_wide = in_float64(before)
    after_wide = reparameterize(before_wide, wide, probes).graph
    true = evaluate(before_wide, names, wide, probes)
    return {
        "rewritten_from_unchanged": far(expected, found),
        "unchanged_from_float64": far(true, expected),
        "rewritten_from_float64": far(true, found),
        "float64": far(true, evaluate(after_wide, names, wide, probes)),
        **against_noise(expected, found, subject.noise),
        "refused": wrong_rewrites.compared(subject, after) is None,
    }


def far(expected: Values, found: Values) -> float:
    """Return the largest relative difference of any value in any run."""
    return compare(expected, found, np.inf).max_rel


def against_noise(
    expected: Values, found: Values, noise: list[dict[str, float]]
) -> dict[str, float | None]:
    """Return the noise, and how many times it a rewrite differs where it is asked for.

    Args:
        expected: Of the unchanged network, by name, for each run.
        found: Of the rewritten one.
        noise: Of each value of each run.
    """
    ratios = [0.0]
    for wanted, got, run in zip(expected, found, noise, strict=True):
        for name, size in run.items():
            moved = far([{name: wanted[name]}], [{name: got[name]}])
            if moved > TOLERANCE:
                ratios.append(moved / size if size else np.inf)
    return {
        "noise": max(size for run in noise for size in run.values()),
        "times_noise": max(ratios) or None,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
