"""Find the detection head of a graph: which nodes decode, and what they compute.

1. Walk back from the outputs to the last learned layers (``dataflow``): what lies behind them
   is the decode, whatever it is called.
2. Feed that decode values of our choice and compare what it gives with every known reading of
   the raw values (``layouts``, ``match``): scores first, then boxes.
3. One reading must explain the outputs. None or several is a question to the user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.errors import HeadError
from edgekit.heads.choose import choose, choose_background
from edgekit.heads.decode import decode as decode_boxes
from edgekit.heads.options import HeadOptions
from edgekit.heads.probing.dataflow import find_decode, stage_values
from edgekit.heads.probing.match_cells import cell_matches
from edgekit.heads.probing.match_detections import CLEAR_SCORE, match_detections
from edgekit.heads.probing.match_scores import picking_values, random_values
from edgekit.heads.probing.proof import proves
from edgekit.heads.probing.runner import open_decode
from edgekit.heads.probing.search import (
    known_matches,
    plain_score_maps,
    raw_shapes,
    unknown_matches,
)
from edgekit.heads.refuse import refusal
from edgekit.heads.spec import AnchorsHead, DistancesHead, outputs_of

if TYPE_CHECKING:
    from edgekit.heads.probing.match_boxes import Match
    from edgekit.heads.probing.runner import DecodeRunner
    from edgekit.heads.spec import DetectionsHead, HeadSpec
    from edgekit.protocols import Backend
    from edgekit.values import Graph

__all__ = ["Head", "HeadCut", "HeadOptions", "find_head"]


@dataclass(frozen=True)
class HeadCut:
    """Where a graph can end so that decoding in NumPy replaces its own decode.

    Attributes:
        outputs: Names of the values that become outputs: what the last learned layers give.
        spec: How to decode them.
    """

    outputs: tuple[str, ...]
    spec: HeadSpec


@dataclass(frozen=True)
class Head:
    """The detection head of a graph.

    Attributes:
        spec: How to decode the graph's own outputs.
        float_nodes: Names of the nodes of the decode, which must never be quantized.
        cut: Where to end the graph instead; offered only when proven equal.
        nms_free: Whether the network gives no duplicates: it picks by top-k alone.
        warnings: What is wrong with the head or had to be assumed, one sentence each.
    """

    spec: HeadSpec
    float_nodes: frozenset[str]
    cut: HeadCut | None = None
    nms_free: bool = False
    warnings: tuple[str, ...] = ()


def find_head(graph: Graph, backend: Backend, options: HeadOptions | None = None) -> Head:
    """Return the detection head of ``graph``.

    Args:
        graph: Batch 1, static size, every node and value with a name of its own.
        backend: Runs the graph once, and its decode a few times.
        options: Answers to what the graph leaves open.

    Raises:
        HeadError: The head is ambiguous (the message lists what it may be), or the graph is no
            box detector edgekit converts: segmentation, keypoints, oriented boxes,
            classification.
    """
    decode = find_decode(graph)
    outputs = tuple(v.name or "" for v in graph.model.graph.outputs)
    stage = stage_values(decode)
    wanted = tuple(dict.fromkeys((*outputs, *stage)))
    with open_decode(graph, decode, wanted, backend) as runner:
        match = _match(runner, (outputs, stage), options or HeadOptions())
        in_outputs = outputs_of(match.own) <= set(outputs)
        spec = match.own if in_outputs else _picked(runner, match, outputs)
        cut = _cut(runner, match)
    operators = {node.op_type for node in decode.nodes}
    return Head(
        spec=spec,
        float_nodes=frozenset(node.name or "" for node in decode.nodes),
        cut=cut,
        nms_free="TopK" in operators and "NonMaxSuppression" not in operators,
        warnings=_warnings(match),
    )


def _match(
    runner: DecodeRunner, scopes: tuple[tuple[str, ...], ...], options: HeadOptions
) -> Match:
    scopes = tuple(names for names in scopes if names)
    for search in (known_matches, cell_matches, unknown_matches):
        for names in scopes:
            matches = search(runner, names)
            if matches:
                return _settled(matches, runner, options)
    raise refusal(runner, scopes[0], plain_score_maps(runner, scopes[0]))


def _settled(matches: list[Match], runner: DecodeRunner, options: HeadOptions) -> Match:
    match = choose(matches, runner.natural, options)
    return choose_background(match, runner.natural, options)


def _picked(runner: DecodeRunner, match: Match, outputs: tuple[str, ...]) -> DetectionsHead:
    given = runner.run(picking_values(match.layout, raw_shapes(runner)))
    candidates = decode_boxes(given, match.own, CLEAR_SCORE)
    head = match_detections({n: given[n] for n in outputs}, candidates, match.own)
    if head is None:
        raise HeadError(
            f"The network picks detections itself (top-k or NMS), but its outputs {list(outputs)} "
            "do not hold their boxes, scores and classes in rows. Export it without that step."
        )
    return head


def _cut(runner: DecodeRunner, match: Match) -> HeadCut | None:
    if match.cut is None or outputs_of(match.cut) == outputs_of(match.own):
        return None
    raws = random_values(raw_shapes(runner), np.random.default_rng(0))
    if not proves(match, {**raws, **runner.run(raws)}) or not proves(match, runner.natural):
        return None
    read = outputs_of(match.cut)
    return HeadCut(tuple(n for n in runner.raws if n in read), match.cut)


def _warnings(match: Match) -> tuple[str, ...]:
    head = match.cut
    if isinstance(head, AnchorsHead):
        strides = {p.stride for p in head.parts if min(p.anchor_wh) <= 0}
        return tuple(
            f"The anchors of stride {stride} are zero, so its boxes have no size and the objects "
            "it should find are lost: the export is broken. Give edgekit the checkpoint (.pt) "
            "itself, or export it again."
            for stride in sorted(strides)
        )
    if isinstance(head, DistancesHead) and not match.decoded and head.center == 0:
        corner = "Took distances from the cell's corner, as NanoDet-Plus has them"
        return (f"{corner}; where they start at the centre, say --head picodet.",)
    return ()
