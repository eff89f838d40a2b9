"""Every published network: its size, what folding leaves of it, and how exact that is.

Usage: python benchmarks/families.py [--side PIXELS] [NAME...]

Each network is built with weights of chance (and batch normalizations whose statistics differ from
each other), exported as it is trained, and folded. In float32 the graphs before and after run on
ONNX Runtime at the published input size. In float64 the same graph is folded again and both run
from the definition of each operator, on small images: what is left then is not rounding of weights.
Differences are relative to the largest output; images are in 0..1 whatever a family takes, as
weights of chance know no range.
Needs the extra ``torch`` and a checkout, for the weights and for Darknet's configurations; networks
that are not named keep what they had.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "families.json"
sys.path[:0] = [str(HERE), str(HERE.parent)]

from committed import commit  # noqa: E402
from float64 import Float64Runtime, in_float64  # noqa: E402  (a sibling script)
from folding import Untrained  # noqa: E402

from edgekit.export.simplify import simplify  # noqa: E402
from edgekit.export.torch_onnx import ExportOptions, export_detector  # noqa: E402
from edgekit.graphs import graph_from_model  # noqa: E402
from edgekit.macs import macs_per_node, parameters  # noqa: E402
from edgekit.measure.machine import describe_machine  # noqa: E402
from edgekit.nets.architectures.registry import ARCHITECTURES  # noqa: E402
from edgekit.nets.darknet.build import build_darknet  # noqa: E402
from edgekit.pipeline.prepare import proof_backend  # noqa: E402
from edgekit.reparam.normal_form import infer_shapes, normal_form  # noqa: E402
from edgekit.reparam.outputs import drop_auxiliary_outputs  # noqa: E402
from edgekit.reparam.parity import comparable_values, evaluate  # noqa: E402
from edgekit.reparam.probes import probe_inputs  # noqa: E402
from edgekit.reparam.reparameterize import reparameterize  # noqa: E402
from tests.nets.darknet.cfgs import PUBLISHED  # noqa: E402
from tests.nets.darknet.older_cfgs import OLDER  # noqa: E402
from tests.published import fill  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from edgekit.nets.architectures.registry import Architecture
    from edgekit.protocols import Backend
    from edgekit.reparam.probes import Feeds
    from edgekit.values import Graph

SMALL_SIDE = 64
CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})
WEIGHTS_ALONE = frozenset({"yolox", "nanodet", "repvgg", "mobileone"})
CHECKED_WITH = {name: f"{name}.pt" for name in ("yolov5n", "yolov8n", "yolov10s")}
DEPLOYED, AS_TRAINED, IN_THE_FILE = "deployed", "as trained", "in the file"


@dataclass(frozen=True)
class Network:
    """A published network.

    Attributes:
        name: As it is known.
        family: ``yolov8``.
        build: Makes it with weights of chance, and as many classes as its figures are for.
        parameters: As printed; of Darknet, the size of the file that holds them.
        gmacs: Thousand millions of multiply-accumulates, as printed (half of "FLOPs").
        source: Where these two figures stand.
        counted: What of the network ``parameters`` are.
        loads_from: What edgekit builds it from.
        side: Of the image ``gmacs`` are for, in pixels.
        small_side: Of the smallest image worth computing in float64.
    """

    name: str
    family: str
    build: Callable[[], nn.Module]
    parameters: str
    gmacs: float | None
    source: str
    counted: str
    loads_from: str
    side: int
    small_side: int = SMALL_SIDE


def named(known: Architecture) -> Network:
    """Return a network that edgekit knows by name."""
    alone = known.family in WEIGHTS_ALONE
    return Network(
        known.name,
        known.family,
        partial(named_module, known),
        known.parameters,
        known.gmacs,
        known.source,
        AS_TRAINED if known.as_trained else DEPLOYED,
        "state dict" if alone else "whole model or state dict",
        known.side,
    )


def darknet(name: str, side: int, size: str, gflops: float | None, source: str) -> Network:
    """Return a network of Darknet: ``size`` is that of its weights file.

    The first YOLO takes images of one size only.
    """
    return Network(
        name,
        name.removesuffix("-tiny").removesuffix("-spp"),
        partial(darknet_module, name, side),
        size,
        None if gflops is None else round(gflops / 2, 4),
        source,
        IN_THE_FILE,
        "cfg and weights",
        side,
        side if name.startswith("yolov1") else SMALL_SIDE,
    )


def named_module(known: Architecture) -> nn.Module:
    """Return the network for the classes of COCO, or for those of ImageNet."""
    module = fill(known.build(1000 if known.side == 224 else 80))
    return used_to_an_image(module, known.side) if known.name in GROWING else module


def darknet_module(name: str, side: int) -> nn.Module:
    """Return the network of a published configuration, for images of ``side``."""
    module = fill(build_darknet((OLDER | PUBLISHED)[name](side).read()).module)
    return used_to_an_image(module, side)


def used_to_an_image(module: nn.Module, side: int) -> nn.Module:
    """Return ``module``, its normalizations with the statistics of what they see.

    Sums of many layers would otherwise grow beyond what the exponentials of its boxes take.
    """
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.inference_mode():
        module(torch.rand(1, 3, side, side))
    return module.eval()


_README = "README of AlexeyAB/darknet"
_ZOO = "file: openvinotoolkit/open_model_zoo, models/public/{}-tf/model.yml"
_PAGE = "operations: the page of {} of Darknet"
_V1_TINY = (
    "file: Darknet's page of YOLOv1, quoted in xslittlegrass/CarND-Vehicle-Detection, issue 2"
)
_BYTES = "file: AlexeyAB/darknet, issue 1910"
_DARKNET = (
    darknet("yolov1-tiny", 448, "103 MB", None, f"{_V1_TINY}; its operations were not found"),
    darknet("yolov2", 608, "203934260 bytes", 62.94, f"{_BYTES}; {_PAGE.format('YOLOv2')}"),
    darknet(
        "yolov2-tiny",
        416,
        "44948600 bytes",
        5.41,
        f"{_ZOO.format('yolo-v2-tiny')}; {_PAGE.format('YOLOv2')}",
    ),
    darknet(
        "yolov3",
        416,
        "248007048 bytes",
        65.86,
        f"{_BYTES}; {_PAGE.format('YOLOv3')}, quoted in pjreddie/darknet, issue 1039",
    ),
    darknet("yolov3-spp", 608, "240 MB", 141.5, _README),
    darknet("yolov3-tiny", 416, "33.7 MB", 5.6, _README),
    darknet(
        "yolov4",
        416,
        "257717640 bytes",
        60.1,
        f"{_ZOO.format('yolo-v4')}; operations: {_README}",
    ),
    darknet(
        "yolov4-tiny",
        416,
        "24251276 bytes",
        6.9,
        f"{_ZOO.format('yolo-v4-tiny')}; operations: {_README}",
    ),
)
GROWING = frozenset({"yolox-darknet53"})  # one long chain of sums, as Darknet's own networks
NETWORKS = {of.name: of for of in (*_DARKNET, *map(named, ARCHITECTURES.values()))}


def main() -> None:
    """Measure the networks and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NETWORKS))
    parser.add_argument("--side", type=int, help="of the images in float32, not the published one")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(NETWORKS)
    if unknown:
        parser.error(f"No network {sorted(unknown)}. There are {', '.join(NETWORKS)}.")
    out: Path = arguments.out
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for name in arguments.names:
        made_by = {"commit": commit(), "machine": vars(describe_machine())}
        result[name] = made_by | measured(name, arguments.side)
        ordered = {known: result[known] for known in NETWORKS if known in result}
        out.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        print(f"written: {name} to {out.name}", flush=True)


def measured(name: str, side: int | None = None) -> dict[str, Any]:
    """Return what the network called ``name`` is, and what becomes of it.

    Args:
        name: Of ``NETWORKS``.
        side: Of the images in float32, in pixels; the published one when ``None``.
    """
    network = NETWORKS[name]
    side = side or network.side
    module = network.build()
    return {
        **facts(network),
        "side": side,
        **sizes_and_float32(module, network, side),
        "float64": float64_difference(module, network),
    }


def facts(network: Network) -> dict[str, Any]:
    """Return what is known of a network before it is measured."""
    return {
        "family": network.family,
        "loads_from": network.loads_from,
        "official_file": CHECKED_WITH.get(network.name),
        "published": {
            "parameters": network.parameters,
            "gmacs": network.gmacs,
            "source": network.source,
        },
        "counted": network.counted,
    }


def sizes_and_float32(module: nn.Module, network: Network, side: int) -> dict[str, Any]:
    """Return the size of the network, what folding did, and what that changes in float32."""
    backend = proof_backend()
    exported = graph_of(module, network.family, side)
    trained = simplify(exported, backend, images(exported))
    folded = reparameterize(trained, backend, images(trained))
    deployed = network.counted == DEPLOYED
    work = folded.graph if deployed else drop_auxiliary_outputs(trained).graph
    kinds = [node.op_type for node in folded.graph.model.graph]
    return {
        "parameters": parameters(work) if deployed else learned(module, network.counted),
        "gmacs": round(sum(macs_per_node(work).values()) / 1e9, 3),
        "convolutions": [convolutions(trained), convolutions(folded.graph)],
        "batchnorms_left": kinds.count("BatchNormalization"),
        "refused": [refused.node for refused in folded.refused],
        "float32": difference(trained, folded.graph, backend),
    }


def float64_difference(module: nn.Module, network: Network) -> float:
    """Return what folding changes where weights are not rounded to float32."""
    runtime = Float64Runtime()
    trained = in_float64(graph_of(module, network.family, network.small_side))
    folded = reparameterize(trained, runtime, images(trained))
    return difference(trained, folded.graph, runtime)


def difference(before: Graph, after: Graph, backend: Backend) -> float:
    """Return the largest difference of any output, relative to the largest number in it."""
    feeds, names = images(before), comparable_values(after)
    pairs = zip(
        evaluate(before, names, backend, feeds), evaluate(after, names, backend, feeds), strict=True
    )
    found_at = [
        np.abs(wanted[name] - found[name]).max() / np.abs(wanted[name]).max()
        for wanted, found in pairs
        for name in names
    ]
    return float(np.max(found_at))  # unlike ``max``, keeps what is no number


def graph_of(module: nn.Module, family: str, side: int) -> Graph:
    """Return the network as it is trained, for images of ``side``."""
    detector = Untrained(module, family)
    exported = export_detector(detector, ExportOptions((side, side)))
    return graph_from_model(infer_shapes(normal_form(exported.model)))


def images(graph: Graph) -> list[Feeds]:
    """Return noise and a picture, both in 0..1."""
    noise, picture = probe_inputs(graph)
    return [noise, {name: array / np.float32(255) for name, array in picture.items()}]


def learned(module: nn.Module, counted: str) -> int:
    """Return how many numbers training learns; ``in the file``, those of its statistics too."""
    count = sum(parameter.numel() for parameter in module.parameters())
    if counted == IN_THE_FILE:
        norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
        count += sum(2 * norm.num_features for norm in norms)
    return count


def convolutions(graph: Graph) -> int:
    """Return how many convolutions there are."""
    return sum(node.op_type in CONVOLUTIONS for node in graph.model.graph)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
