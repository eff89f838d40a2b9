"""Find boxes beside class scores, and tell which formula of a layout made them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.boxes import cxcywh_from_xyxy
from edgekit.heads.decode import boxes_xyxy
from edgekit.heads.probing.fit_anchors import fit_anchors
from edgekit.heads.probing.match_scores import Block, find_block
from edgekit.heads.scores import read, sigmoid
from edgekit.heads.spec import AnchorsHead, DecodedHead, Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.heads.probing.layouts import Layout
    from edgekit.heads.probing.match_scores import Reading, ScoreColumns, Table
    from edgekit.heads.spec import BoxFormat, DenseHead
    from edgekit.values import Floats, Ints

FORMATS: tuple[BoxFormat, ...] = ("xyxy", "cxcywh", "yxyx")


@dataclass(frozen=True, eq=False)
class Match:
    """A reading of the raw values that explains what the decode gives.

    Attributes:
        layout: Where the scores are in the raw values.
        own: How to read the outputs that were compared.
        cut: How to read the raw values instead; ``None`` when the formula is not known.
        predictions: Which prediction of ``layout`` each row of ``own`` is, part after part.
        decoded: Whether the network decodes boxes itself, which proves the formula of ``cut``.
    """

    layout: Layout
    own: DenseHead
    cut: DenseHead | None
    predictions: Ints
    decoded: bool


@dataclass(frozen=True, eq=False)
class Probed:
    """What one probe showed of one layout.

    Attributes:
        layout: The layout.
        raws: The raw values that were fed.
        seen: The layout's reading of them.
        views: What the decode gave.
        columns: The class scores found in it.
    """

    layout: Layout
    raws: Mapping[str, Floats]
    seen: Reading
    views: Sequence[Table]
    columns: Sequence[ScoreColumns]


@dataclass(frozen=True, eq=False)
class _Piece:
    scores: ScoreColumns
    boxes: Block
    objectness: Block | None

    def views(self, rows: tuple[int, int] | None = None) -> dict[str, object]:
        own = {"boxes": self.boxes.view(rows), "scores": self.scores.block.view(rows)}
        return {**own, "objectness": self.objectness and self.objectness.view(rows)}


def match_form(probed: Probed, form: DenseHead) -> Match | None:
    """Return how the boxes beside the scores follow from ``form``; ``None`` if they do not."""
    return _match_undecoded(probed, form) or _match_decoded(probed, form)


def every_box(outputs: Mapping[str, NDArray[np.generic]], head: DenseHead) -> Floats:
    """Return ``(P, 4)`` boxes of all predictions, part after part, in pixels of the input."""
    counts = [read(outputs, part.boxes).shape[1] for part in head.parts]
    return np.concatenate(
        [boxes_xyxy(outputs, head, i, np.arange(n)) for i, n in enumerate(counts)]
    )


def _match_undecoded(probed: Probed, form: DenseHead) -> Match | None:
    raw = np.concatenate([read(probed.raws, part.boxes) for part in form.parts], axis=1)
    for activated in (False, True) if isinstance(form, AnchorsHead) else (False,):
        wanted = sigmoid(raw) if activated else raw
        pieces = _pieces(probed, wanted)
        parts = _undecoded_parts(probed, form, pieces)
        if parts:
            first = probed.columns[0].scores
            changed = {"parts": parts, "activation": first.activation}
            own = form.model_copy(
                update={**changed, "boxes_activated": True} if activated else changed
            )
            return Match(probed.layout, own, form, np.arange(raw.shape[1]), decoded=False)
    return None


def _undecoded_parts(
    probed: Probed, form: DenseHead, pieces: Sequence[_Piece]
) -> tuple[Part, ...] | None:
    parts, start = [], 0
    for part in form.parts:
        stop = start + read(probed.raws, part.boxes).shape[1]
        inside = [(p, r) for p in pieces if (r := _rows_in_order(p.scores, start, stop))]
        if len(inside) != 1:
            return None
        piece, rows = inside[0]
        parts.append(part.model_copy(update=piece.views(rows)))
        start = stop
    return tuple(parts)


def _rows_in_order(columns: ScoreColumns, start: int, stop: int) -> tuple[int, int] | None:
    at = np.flatnonzero(columns.predictions == start)
    if not len(at):
        return None
    rows = (int(at[0]), int(at[0]) + stop - start)
    same = np.array_equal(columns.predictions[slice(*rows)], np.arange(start, stop))
    return rows if same else None


def _match_decoded(probed: Probed, form: DenseHead) -> Match | None:
    if not isinstance(form, AnchorsHead):
        return _match_decoded_boxes(probed, form)
    if len(probed.columns) > 1:
        return None
    fits = fit_anchors(probed.views, probed.columns[0], probed.raws, form)
    return next((m for f in fits if (m := _match_decoded_boxes(probed, f))), None)


def _match_decoded_boxes(probed: Probed, form: DenseHead) -> Match | None:
    expected = every_box(probed.raws, form)
    for box_format, normalised in itertools.product(FORMATS, (False, True)):
        wanted = stored_as(expected, box_format, form.input_hw if normalised else (1, 1))
        pieces = _pieces(probed, wanted.T)
        if pieces:
            own = DecodedHead(
                input_hw=form.input_hw,
                classes=form.classes,
                activation=probed.columns[0].scores.activation,
                parts=tuple(Part.model_validate(p.views()) for p in pieces),
                box_format=box_format,
                normalised=normalised,
            )
            predictions = np.concatenate([p.scores.predictions for p in pieces])
            return Match(probed.layout, own, form, predictions, decoded=True)
    return None


def _pieces(probed: Probed, wanted: Floats) -> list[_Piece]:
    pieces = []
    for columns in probed.columns:
        boxes = find_block(probed.views, wanted[:, columns.predictions])
        objectness = _find_objectness(probed, columns)
        needs_objectness = probed.seen.objectness is not None and not columns.scores.multiplied
        if boxes is None or (needs_objectness and objectness is None):
            return []
        pieces.append(_Piece(columns, boxes, objectness))
    return pieces


def _find_objectness(probed: Probed, columns: ScoreColumns) -> Block | None:
    if probed.seen.objectness is None or columns.scores.multiplied:
        return None
    logits = probed.seen.objectness[columns.predictions]
    wanted = logits if columns.scores.activation == "sigmoid" else sigmoid(logits)
    return find_block(probed.views, wanted[None])


def stored_as(xyxy: Floats, box_format: BoxFormat, size_hw: tuple[int, int]) -> Floats:
    """Return ``(N, 4)`` boxes as a network stores them, in fractions of ``size_hw``."""
    height, width = size_hw
    scaled: Floats = np.divide(xyxy, np.array([width, height, width, height], np.float32))
    if box_format == "cxcywh":
        return cxcywh_from_xyxy(scaled)
    return scaled[:, [1, 0, 3, 2]] if box_format == "yxyx" else scaled
