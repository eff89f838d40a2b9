"""``edgekit inspect``: what a model is, and what a target would make of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.config.recipe import Fp16, Fp32, find_recipe
from edgekit.macs import macs_per_node, parameters
from edgekit.pipeline.fp16 import uncalibrated_plan
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.pipeline.preprocess import described
from edgekit.pipeline.rewriting import rewrites_of
from edgekit.protocols import busy, silent
from edgekit.quantize.plan import plan
from edgekit.quantize.product import MULTIPLIES, products_of
from edgekit.quantize.rules import RULES
from edgekit.quantize.select import float_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edgekit.config.recipe import Recipe
    from edgekit.pipeline.options import ModelOptions
    from edgekit.pipeline.prepare import Network
    from edgekit.protocols import Progress
    from edgekit.reparam.blocks import BlockParity
    from edgekit.reparam.reparameterize import Reparameterized
    from edgekit.report.schema import Rewrites
    from edgekit.values import Graph


_UNCALIBRATED = {
    "int8": "No image was looked at: calibration may leave further layers in float, those that "
    "rounding noise would drown. The report of a conversion lists them.",
    "fp16": "No image was looked at: a conversion leaves further nodes in float32 whose values go "
    "beyond 16 bits. Its edgekit.lock lists them.",
}


@dataclass(frozen=True)
class NodeFate:
    """What a target makes of one node: ``int8``, ``fp16``, or ``float`` with the reason."""

    name: str
    op_type: str
    mac_share: float
    precision: str
    reason: str


@dataclass(frozen=True)
class Structure:
    """What a network is made of.

    Attributes:
        parameters: Numbers that its layers have learned.
        macs: Multiply-accumulates of one image.
        weighted: Nodes with weights.
    """

    nodes: int
    weighted: int
    batch_norms: int
    parameters: int
    macs: int


@dataclass(frozen=True, eq=False)
class Inspection:
    """A model as edgekit understands it.

    Attributes:
        facts: Name to value, for people and machines.
        given: The file as it was loaded, or what a checkpoint exports to.
        plain: Simplified, folded and merged.
        rewrites: What was done to how many nodes or groups of them.
        counted: The same by kind, with what was refused and what proves it.
        proofs: How closely each rewritten node computes what was there before.
        notes: What was rewritten.
        warnings: What is wrong or doubtful.
        fates: Every node with weights; empty unless a target was given.
    """

    facts: dict[str, str | int]
    given: Structure
    plain: Structure
    rewrites: dict[str, int]
    counted: Rewrites
    proofs: tuple[BlockParity, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    fates: tuple[NodeFate, ...]


def inspect(
    path: Path, options: ModelOptions, target: str | None = None, progress: Progress = silent
) -> Inspection:
    """Return what the model at ``path`` is, and what ``target`` would quantize.

    Raises:
        ConfigError: Bad input.
    """
    with busy(progress, "load and prove"):
        detector = prepare(path, options)
        network = network_of(detector)
    macs = macs_per_node(detector.plain)
    given, plain = structure_of(detector.source.graph), structure_of(detector.plain)
    facts: dict[str, str | int] = {
        "sha256": detector.source.sha256,
        "family": detector.family,
        "head": network.head.kind,
        "classes": network.head.classes,
        "input": "x".join(map(str, detector.source.size_hw)),
        "preprocess": described(detector.convention.preprocess),
        "parameters": plain.parameters,
        "macs": plain.macs,
        "decode": "cut off, in NumPy" if detector.head.cut else "in the network, float",
        **{f"sha256 of {name}": sha256 for name, sha256 in detector.source.files.items()},
    }
    notes = detector.notes
    fates: tuple[NodeFate, ...] = ()
    if target is not None:
        recipe = find_recipe(target)
        precision = recipe.precision
        fates = _fates(network, recipe, macs)
        notes = (*notes, _UNCALIBRATED[precision.kind]) if precision.kind != "fp32" else notes
    return Inspection(
        facts=facts,
        given=given,
        plain=plain,
        rewrites=_rewrites(detector.rewritten),
        counted=rewrites_of(detector),
        proofs=detector.rewritten.proofs,
        notes=notes,
        warnings=detector.warnings,
        fates=fates,
    )


def structure_of(graph: Graph) -> Structure:
    """Return what ``graph`` is made of."""
    macs = macs_per_node(graph)
    kinds = [node.op_type for node in graph.model.graph]
    return Structure(
        nodes=len(kinds),
        weighted=len(macs),
        batch_norms=kinds.count("BatchNormalization"),
        parameters=parameters(graph),
        macs=sum(macs.values()),
    )


def _rewrites(done: Reparameterized) -> dict[str, int]:
    """Return how many of what was rewritten; what never happened is left out."""
    counts = Counter(rewrite.rule for rewrite in done.rewritten for _ in rewrite.gone)
    counted = {
        "batch normalizations folded": len(done.folded),
        "groups of branches merged": len(done.merged),
        **counts,
        "left as they are": len(done.refused),
    }
    return {what: count for what, count in counted.items() if count}


def _fates(network: Network, recipe: Recipe, macs: dict[str, int]) -> tuple[NodeFate, ...]:
    precision = recipe.precision
    decided, reasons = _decided(network, recipe, macs)
    total = sum(macs.values()) or 1
    return tuple(
        NodeFate(
            name=str(node.name),
            op_type=node.op_type,
            mac_share=macs.get(str(node.name), 0) / total,
            precision=precision.kind if node.name in decided else "float",
            reason=reasons.get(str(node.name), ""),
        )
        for node in network.graph.model.graph
        if node.name in macs
    )


def _decided(
    network: Network, recipe: Recipe, macs: dict[str, int]
) -> tuple[frozenset[str], Mapping[str, str]]:
    """Return the nodes that run in the recipe's precision, and why others do not."""
    precision = recipe.precision
    if isinstance(precision, Fp32):
        return frozenset(), dict.fromkeys(macs, "the target is in float")
    if isinstance(precision, Fp16):
        halved = uncalibrated_plan(network, precision)
        return halved.nodes, halved.kept_float
    kept = float_nodes(network.graph, network.decode, precision.keep_float)
    planned = plan(network.graph, RULES[recipe.backend], kept)
    products = products_of(network.graph, planned)
    return planned.nodes | products, {**planned.kept_float, **dict.fromkeys(products, MULTIPLIES)}
