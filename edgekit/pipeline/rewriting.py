"""What the rewrites of a model did and how closely they were proven, by kind and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.pipeline.lock import Fold, Folds, WholeGraph
from edgekit.report.schema import LeftAlone, RewriteCount, Rewrites

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgekit.pipeline.prepare import Detector
    from edgekit.reparam.blocks import BlockParity
    from edgekit.reparam.parity import Parity

_NODES_AFTER = 1  # whatever a block was, one node does its work now


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
            nodes_after=_NODES_AFTER * len(found),
            difference=max(proof.difference for proof in found),
        )
        for rule, found in by_rule.items()
    )


def folds_of(detector: Detector) -> Folds:
    """Return every rewrite by itself, in order, and how closely all of them together agree."""
    done, images = detector.rewritten, detector.evidence.images
    return Folds(
        image=images[-1] if images else None,  # blocks are proven on the last input
        blocks=tuple(_fold(proof) for proof in done.proofs),
        whole_graph=None if done.parity is None else _whole_graph(done.parity),
    )


def _fold(proof: BlockParity) -> Fold:
    return Fold(
        block=proof.node,
        rule=proof.rule,
        nodes_before=proof.nodes_before,
        nodes_after=_NODES_AFTER,
        difference=proof.difference,
        crops=proof.crops,
    )


def _whole_graph(parity: Parity) -> WholeGraph:
    return WholeGraph(
        difference=parity.max_rel, value=parity.worst, rounding=parity.noise, inputs=parity.runs
    )
