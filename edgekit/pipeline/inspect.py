"""``edgekit inspect``: what a model is, and what a target would make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.config.recipe import Int8, find_recipe
from edgekit.macs import macs_per_node, parameters
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.pipeline.preprocess import described
from edgekit.quantize.plan import plan
from edgekit.quantize.rules import ORT_X86
from edgekit.quantize.select import float_nodes

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.config.recipe import Fp32
    from edgekit.pipeline.options import ModelOptions
    from edgekit.pipeline.prepare import Network


UNCALIBRATED = (
    "No image was looked at: calibration may leave further layers in float, those that rounding "
    "noise would drown. The report of a conversion lists them."
)


@dataclass(frozen=True)
class NodeFate:
    """What a target makes of one node: ``int8``, or ``float`` with the reason."""

    name: str
    op_type: str
    mac_share: float
    precision: str
    reason: str


@dataclass(frozen=True, eq=False)
class Inspection:
    """A model as edgekit understands it.

    Attributes:
        facts: Name to value, for people and machines.
        notes: What was rewritten.
        warnings: What is wrong or doubtful.
        fates: Every node with weights; empty unless a target was given.
    """

    facts: dict[str, str | int]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    fates: tuple[NodeFate, ...]


def inspect(path: Path, options: ModelOptions, target: str | None = None) -> Inspection:
    """Return what the model at ``path`` is, and what ``target`` would quantize.

    Raises:
        ConfigError: Bad input.
    """
    detector = prepare(path, options)
    network = network_of(detector)
    macs = macs_per_node(detector.plain)
    facts: dict[str, str | int] = {
        "sha256": detector.source.sha256,
        "family": detector.convention.family,
        "head": network.head.kind,
        "classes": network.head.classes,
        "input": "x".join(map(str, detector.source.size_hw)),
        "preprocess": described(detector.convention.preprocess),
        "parameters": parameters(detector.plain),
        "macs": sum(macs.values()),
        "decode": "cut off, in NumPy" if detector.head.cut else "in the network, float",
    }
    if target is None:
        return Inspection(facts, detector.notes, detector.warnings, ())
    precision = find_recipe(target).precision
    notes = (*detector.notes, UNCALIBRATED) if isinstance(precision, Int8) else detector.notes
    return Inspection(facts, notes, detector.warnings, _fates(network, precision, macs))


def _fates(network: Network, precision: Fp32 | Int8, macs: dict[str, int]) -> tuple[NodeFate, ...]:
    if isinstance(precision, Int8):
        kept = float_nodes(network.graph, network.decode, precision.keep_float)
    else:
        kept = dict.fromkeys(macs, "the target is in float")
    decided = plan(network.graph, ORT_X86, kept)
    total = sum(macs.values()) or 1
    return tuple(
        NodeFate(
            name=str(node.name),
            op_type=node.op_type,
            mac_share=macs.get(str(node.name), 0) / total,
            precision="int8" if node.name in decided.nodes else "float",
            reason=decided.kept_float.get(str(node.name), ""),
        )
        for node in network.graph.model.graph
        if node.name in macs
    )
