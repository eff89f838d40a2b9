"""What was rewritten before anything was quantized, as tables and facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.facts import Fact

if TYPE_CHECKING:
    from edgekit.report.schema import RewriteCount, Rewrites

HEADINGS = ("Rewritten", "Times", "Nodes", "Largest difference")
EXPLAINED = (
    "Each rewrite is exact. It is proven twice: the whole network in float32, and each node alone "
    "in float64, where the difference is relative to the largest value of the node. A node may be "
    "rewritten more than once."
)


def cells(count: RewriteCount) -> tuple[str, ...]:
    """Return what the table says of one kind of rewrite, below ``HEADINGS``."""
    nodes = f"{count.nodes_before} to {count.nodes_after}"
    return count.rule, str(count.count), nodes, difference(count.difference)


def difference(value: float) -> str:
    """Return a relative difference as people read it; ``0`` where there is none at all."""
    return f"{value:.1e}" if value else "0"


def rewrite_facts(rewrites: Rewrites) -> tuple[Fact, ...]:
    """Return what loading changed, how many nodes there were, and what proves it."""
    drawn = "noise and a drawn picture" + ("" if rewrites.images else ", for want of images")
    proven = ", ".join((*rewrites.images, drawn))
    nodes = f"{rewrites.nodes_before} as given, {rewrites.nodes_after} rewritten"
    facts = [Fact("loading", sentence) for sentence in rewrites.loading]
    facts += [
        Fact("dropped", f"the output '{gone.name}': {gone.reason}") for gone in rewrites.dropped
    ]
    facts += [Fact("nodes", nodes), Fact("proven on", proven)]
    if rewrites.export_difference is not None:
        far = difference(rewrites.export_difference)
        words = f"on these images within a relative {far} of the torch modules, in float32"
        facts.append(Fact("export to ONNX", words))
    return tuple(facts)
