"""Every published network by name: its size, what folding leaves of it, and how exact that is.

Usage: python benchmarks/families.py [--side PIXELS] [NAME...]

Each network of up to 20 million parameters is built with weights of chance (and batch
normalizations whose statistics differ from each other), exported as it is trained, and folded.
In float32 the graphs before and after run on ONNX Runtime at the published input size. In float64
the same graph is folded again and both run from the definition of each operator, on small images:
what is left then is not rounding of weights. Differences are relative to the largest output;
images are in 0..1 whatever a family takes, as weights of chance know no range.
Needs the extra ``torch`` and a checkout, for the weights; networks that are not named keep what
they had.
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
RESULT = HERE / "results" / "families.json"
sys.path[:0] = [str(HERE), str(HERE.parent)]

from float64 import Float64Runtime, in_float64  # noqa: E402  (a sibling script)
from folding import Untrained  # noqa: E402
from ort_cpu_int8 import commit  # noqa: E402

from edgekit.export.simplify import simplify  # noqa: E402
from edgekit.export.torch_onnx import ExportOptions, export_detector  # noqa: E402
from edgekit.graphs import graph_from_model  # noqa: E402
from edgekit.macs import macs_per_node  # noqa: E402
from edgekit.measure.machine import describe_machine  # noqa: E402
from edgekit.nets.architectures.registry import ARCHITECTURES  # noqa: E402
from edgekit.pipeline.prepare import proof_backend  # noqa: E402
from edgekit.reparam.normal_form import infer_shapes, normal_form  # noqa: E402
from edgekit.reparam.outputs import drop_auxiliary_outputs  # noqa: E402
from edgekit.reparam.parity import comparable_values, evaluate  # noqa: E402
from edgekit.reparam.probes import probe_inputs  # noqa: E402
from edgekit.reparam.reparameterize import reparameterize  # noqa: E402
from tests.published import fill  # noqa: E402

if TYPE_CHECKING:
    from torch import nn

    from edgekit.nets.architectures.registry import Architecture
    from edgekit.protocols import Backend
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Graph

LARGEST = 20e6
UNITS = {"M": 1e6, "K": 1e3}
SMALL_SIDE = 64
CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})
WEIGHTED = CONVOLUTIONS | {"Gemm", "MatMul"}


def main() -> None:
    """Measure the networks and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[n for n in ARCHITECTURES if is_small(n)])
    parser.add_argument("--side", type=int, help="of the images in float32, not the published one")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(ARCHITECTURES)
    if unknown:
        parser.error(f"No network {sorted(unknown)}. There are {', '.join(ARCHITECTURES)}.")
    out: Path = arguments.out
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for name in arguments.names:
        made_by = {"commit": commit(), "machine": vars(describe_machine())}
        result[name] = made_by | measured(name, arguments.side)
        ordered = {known: result[known] for known in ARCHITECTURES if known in result}
        out.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        print(f"written: {name} to {out.name}", flush=True)


def is_small(name: str) -> bool:
    """Return whether a network has few enough parameters to be measured with all others."""
    text = ARCHITECTURES[name].parameters
    unit = UNITS.get(text[-1], 1.0)
    return float(text.rstrip("MK")) * unit <= LARGEST


def measured(name: str, side: int | None = None) -> dict[str, Any]:
    """Return what the network called ``name`` is, and what becomes of it.

    Args:
        name: Of ``ARCHITECTURES``.
        side: Of the images in float32, in pixels; the published one when ``None``.
    """
    known = ARCHITECTURES[name]
    module = fill(known.build(1000 if known.side == 224 else 80))
    side = side or known.side
    return {
        "published": {"parameters": known.parameters, "gmacs": known.gmacs},
        "as_trained": known.as_trained,
        "side": side,
        **sizes_and_float32(module, known, side),
        "float64": float64_difference(module, known),
    }


def sizes_and_float32(module: nn.Module, known: Architecture, side: int) -> dict[str, Any]:
    """Return the size of the network, what folding did, and what that changes in float32."""
    backend = proof_backend()
    exported = graph_of(module, known, side)
    trained = simplify(exported, backend, images(exported))
    folded = reparameterize(trained, backend, images(trained))
    counted = drop_auxiliary_outputs(trained).graph if known.as_trained else folded.graph
    kinds = [node.op_type for node in folded.graph.model.graph]
    return {
        "parameters": learned(module) if known.as_trained else weights(counted),
        "gmacs": round(sum(macs_per_node(counted).values()) / 1e9, 3),
        "convolutions": [convolutions(trained), convolutions(folded.graph)],
        "batchnorms_left": kinds.count("BatchNormalization"),
        "refused": [refused.node for refused in folded.refused],
        "float32": difference(trained, folded.graph, backend),
    }


def float64_difference(module: nn.Module, known: Architecture) -> float:
    """Return what folding changes where weights are not rounded to float32."""
    runtime = Float64Runtime()
    trained = in_float64(graph_of(module, known, SMALL_SIDE))
    folded = reparameterize(trained, runtime, images(trained))
    return difference(trained, folded.graph, runtime)


def difference(before: Graph, after: Graph, backend: Backend) -> float:
    """Return the largest difference of any output, relative to the largest number in it."""
    feeds, names = images(before), comparable_values(after)
    pairs = zip(
        evaluate(before, names, backend, feeds), evaluate(after, names, backend, feeds), strict=True
    )
    return max(
        float(np.abs(wanted[name] - found[name]).max() / np.abs(wanted[name]).max())
        for wanted, found in pairs
        for name in names
    )


def graph_of(module: nn.Module, known: Architecture, side: int) -> Graph:
    """Return the network as it is trained, for images of ``side``."""
    detector = Untrained(module, known.family)
    exported = export_detector(detector, ExportOptions((side, side)))
    return graph_from_model(infer_shapes(normal_form(exported.model)))


def images(graph: Graph) -> list[Feeds]:
    """Return noise and a picture, both in 0..1."""
    noise, picture = probe_inputs(graph)
    return [noise, {name: array / np.float32(255) for name, array in picture.items()}]


def learned(module: nn.Module) -> int:
    """Return how many numbers training learns."""
    return sum(parameter.numel() for parameter in module.parameters())


def weights(graph: Graph) -> int:
    """Return how many numbers the layers hold; what anchors and strides take is none of them."""
    layers = [node for node in graph.model.graph if node.op_type in WEIGHTED]
    held = {value for layer in layers for value in layer.inputs[1:] if value is not None}
    return sum(value.const_value.size for value in held if value.const_value is not None)


def convolutions(graph: Graph) -> int:
    """Return how many convolutions there are."""
    return sum(node.op_type in CONVOLUTIONS for node in graph.model.graph)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
