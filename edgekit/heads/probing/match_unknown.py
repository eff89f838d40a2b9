"""Find boxes beside class scores when no known formula made them: SSD, RT-DETR and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.probing.match_boxes import Match, Probed
from edgekit.heads.probing.match_scores import Block
from edgekit.heads.spec import DecodedHead, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.heads.probing.match_scores import ScoreColumns, Table
    from edgekit.heads.spec import BoxFormat

_NORMALISED_LIMIT = 8.0  # beyond any fraction of an image, below any box in pixels


def match_unknown(probed: Probed, input_hw: tuple[int, int]) -> Match | None:
    """Return how to read the boxes that go with the scores, or ``None`` if none do.

    The boxes are the only four columns left beside the scores, or the only other output of four
    columns and as many rows. How they are stored shows in what holds for every probe value.
    """
    if len(probed.columns) != 1 or probed.columns[0].scores.multiplied != bool(
        probed.layout.objectness
    ):
        return None
    columns = probed.columns[0]
    block = _beside(columns.block) or _elsewhere(probed.views, columns)
    box_format = None if block is None else _box_format(block)
    if block is None or box_format is None:
        return None
    stored = block.table.values[block.start : block.stop]
    count = columns.block.stop - columns.block.start
    own = DecodedHead(
        input_hw=input_hw,
        classes=count - columns.scores.background,
        activation=columns.scores.activation,
        parts=(Part(boxes=block.view(), scores=columns.block.view()),),
        box_format=box_format,
        normalised=bool(np.median(np.abs(stored).max(axis=0)) < _NORMALISED_LIMIT),
    )
    return Match(probed.layout, own, None, columns.predictions, decoded=True)


def _beside(scores: Block) -> Block | None:
    width = len(scores.table.values)
    if (scores.start, scores.stop) == (4, width):
        return Block(scores.table, 0, 4)
    if (scores.start, scores.stop) == (0, width - 4):
        return Block(scores.table, width - 4, width)
    return None


def _elsewhere(views: Sequence[Table], columns: ScoreColumns) -> Block | None:
    shape = (4, len(columns.predictions))
    others = [
        t for t in views if t.values.shape == shape and t.output != columns.block.table.output
    ]
    return Block(others[0], 0, 4) if len(others) == 1 else None


def _box_format(block: Block) -> BoxFormat | None:
    first_x, first_y, second_x, second_y = block.table.values[block.start : block.stop]
    if (second_x >= first_x).all() and (second_y >= first_y).all():
        return "xyxy"
    return "cxcywh" if (second_x >= 0).all() and (second_y >= 0).all() else None
