"""Settle on one reading of a head, or ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from edgekit.errors import HeadError, UnknownNameError
from edgekit.heads.options import KINDS, PUBLISHED, AnchorSet
from edgekit.heads.scores import activate, read
from edgekit.heads.spec import AnchorsHead, DistancesHead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.heads.options import HeadOptions
    from edgekit.heads.probing.match_boxes import Match
    from edgekit.heads.spec import DenseHead

_BACKGROUND_SCORE = 0.1
_BACKGROUND_SHARE = 0.5
_USUAL_BINS = frozenset({8, 16, 17})  # GFL and PicoDet; YOLOv8; YOLO-NAS and PP-YOLOE


def choose(
    matches: Sequence[Match], natural: Mapping[str, NDArray[np.generic]], options: HeadOptions
) -> Match:
    """Return the one match that holds, completed with the user's answers.

    A decode inside the network proves its formula. Without one, several formulas may fit the
    same channels: those with a usual number of bins go before the others, and where only the
    roles of two maps are open, the scores are the map that is low. Else it is a question.

    Args:
        matches: Every reading that explains the outputs.
        natural: Outputs for an image-like input, almost all of which is background.
        options: The user's answers.

    Raises:
        HeadError: None fits the answers, several do, or anchors are missing.
    """
    proven = [m for m in matches if m.decoded] or list(matches)
    fitting = [m for m in proven if _agrees(m, options)]
    fitting = [m for m in fitting if _has_usual_bins(m)] or fitting
    if len({describe(m.cut or m.own) for m in fitting}) == 1 < len(fitting):
        fitting = [m for m in fitting if _scores_low(m, natural)] or fitting
    if len(fitting) != 1:
        _ask(fitting or proven, options)
    return fitting[0] if fitting[0].decoded else _completed(fitting[0], options)


def describe(head: DenseHead) -> str:
    """Return what ``head`` is, in a few words."""
    what = f"{head.kind}, {head.classes} classes"
    if isinstance(head, DistancesHead):
        return f"{what}, {head.bins} bins"
    if isinstance(head, AnchorsHead):
        return f"{what}, {len(head.parts)} anchors, {head.size} sizes"
    return what


def _has_usual_bins(match: Match) -> bool:
    return not isinstance(match.cut, DistancesHead) or match.cut.bins in _USUAL_BINS


def _scores_low(match: Match, natural: Mapping[str, NDArray[np.generic]]) -> bool:
    scores = (activate(read(natural, p.scores), match.own.activation) for p in match.own.parts)
    return all(float(np.median(s)) < _BACKGROUND_SCORE for s in scores)


def _agrees(match: Match, options: HeadOptions) -> bool:
    head = match.cut or match.own
    if options.classes not in {None, head.classes}:
        return False
    if options.kind is None:
        return True
    if options.kind not in KINDS:
        raise UnknownNameError("head", options.kind, KINDS)
    if KINDS[options.kind] not in {head.kind, match.own.kind}:
        return False
    known = _anchor_set(options)
    if match.decoded or known is None or not isinstance(head, AnchorsHead):
        return True
    return (head.size, len(head.parts)) == (known.size, len(known.anchors))


def _anchor_set(options: HeadOptions) -> AnchorSet | None:
    if options.anchors is None or options.size is None:
        return PUBLISHED.get(options.kind or "")
    return AnchorSet(options.anchors, options.size, 1.0 if options.size == "exp" else 2.0)


def _ask(candidates: Sequence[Match], options: HeadOptions) -> NoReturn:
    labels = sorted({describe(m.cut or m.own) for m in candidates})
    given = "no answer" if options.kind is None else f"--head {options.kind}"
    raise HeadError(
        "The detection head is ambiguous: the outputs may be read in several ways, or in one that "
        f"lacks its anchors. Expected one complete reading, found with {given}: "
        f"{'; '.join(labels)}. Answer with --head and one of: {', '.join(KINDS)}; yolov3, yolov5 "
        "and yolov7 stand for their published anchors."
    )


def _completed(match: Match, options: HeadOptions) -> Match:
    assert match.cut is not None
    if isinstance(match.cut, AnchorsHead):
        known = _anchor_set(options)
        if known is None:
            _ask([match], options)
        return replace(match, own=_anchored(match.own, known), cut=_anchored(match.cut, known))
    if isinstance(match.cut, DistancesHead) and _from_corner(match, options):
        corner = {"center": 0.0}
        own, cut = match.own.model_copy(update=corner), match.cut.model_copy(update=corner)
        return replace(match, own=own, cut=cut)
    return match


def _anchored(head: DenseHead, known: AnchorSet) -> DenseHead:
    parts = tuple(
        part.model_copy(update={"anchor_wh": anchor})
        for part, anchor in zip(head.parts, known.anchors, strict=True)
    )
    return head.model_copy(update={"parts": parts, "xy_scale": known.xy_scale})


def _from_corner(match: Match, options: HeadOptions) -> bool:
    # NanoDet-Plus is the one family that joins all levels with the classes first, and the one
    # whose distances start at the cell's corner.
    if options.kind is not None:
        return options.kind == "nanodet"
    joined = len({part.scores.output for part in match.own.parts}) == 1
    first = match.own.parts[0]
    return joined and first.scores.columns < first.boxes.columns


def choose_background(
    match: Match, natural: Mapping[str, NDArray[np.generic]], options: HeadOptions
) -> Match:
    """Return ``match`` knowing which score column, if one, means no object.

    Args:
        match: What was chosen; softmax scores may hold a background column.
        natural: Outputs for an image-like input, almost all of which is background.
        options: The user's answer, if given.

    Raises:
        HeadError: The background is neither clear nor answered.
    """
    scores = read(natural, match.own.parts[0].scores)
    if len(scores) == match.own.classes:
        return match
    likely = [c for c in (0, len(scores) - 1) if scores[c].mean() > _BACKGROUND_SHARE]
    column = likely[0] if options.background is None and likely else options.background
    if column is None:
        raise HeadError(
            f"One of the {len(scores)} score columns of '{match.own.parts[0].scores.output}' is "
            "the background, and neither the first nor the last stands out. Say which column it "
            "is: HeadOptions(background=0) or the last."
        )
    return replace(match, own=match.own.model_copy(update={"background": column}))
