"""What the rewrites of a model did and how closely they were proven, counted by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.report.schema import LeftAlone, RewriteCount, Rewrites

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgekit.pipeline.prepare import Detector
    from edgekit.reparam.blocks import BlockParity


def rewrites_of(detector: Detector) -> Rewrites:
    """Return how the user's model became the network that all else starts from."""
    done, evidence = detector.rewritten, detector.evidence
    return Rewrites(
        nodes_before=detector.source.graph.model.graph.num_nodes(),
        nodes_after=detector.plain.model.graph.num_nodes(),
        done=counted(done.proofs),
        refused=tuple(LeftAlone(name=r.node, reason=r.reason) for r in done.refused),
        dropped=tuple(LeftAlone(name=d.output, reason=d.reason) for d in done.dropped),
        images=evidence.images,
        export_difference=evidence.export_difference,
        loading=detector.source.notes,
    )


def counted(proofs: Iterable[BlockParity]) -> tuple[RewriteCount, ...]:
    """Return ``proofs`` by rule, in the order of the first of each."""
    by_rule: dict[str, list[BlockParity]] = {}
    for proof in proofs:
        by_rule.setdefault(proof.rule, []).append(proof)
    return tuple(
        RewriteCount(
            rule=rule,
            count=len(found),
            nodes_before=sum(proof.nodes_before for proof in found),
            nodes_after=len(found),
            difference=max(proof.difference for proof in found),
        )
        for rule, found in by_rule.items()
    )
