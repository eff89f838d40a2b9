"""Find picked detections (after a top-k or NMS inside the network) among the candidates."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.probing.match_boxes import FORMATS, stored_as
from edgekit.heads.probing.match_scores import Block, Keys, Table, find_block, tables
from edgekit.heads.spec import DetectionsHead

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.heads.spec import HeadBase
    from edgekit.values import Boxes, Ints

CLEAR_SCORE = 0.3  # rows below may be padding
_FEWEST = 3


@dataclass(frozen=True, eq=False)
class _Picked:
    """A column whose clear scores are all scores of candidates.

    Attributes:
        scores: The column.
        rows: ``(N,)`` where it is clear.
        candidates: ``(N,)`` which candidate each of these rows is.
    """

    scores: Block
    rows: Ints
    candidates: Ints


def match_detections(
    outputs: Mapping[str, NDArray[np.generic]], candidates: Boxes, like: HeadBase
) -> DetectionsHead | None:
    """Return how to read ``outputs`` as picked detections, or ``None`` if they are none.

    Args:
        outputs: What the network gave.
        candidates: What it picked from: above ``CLEAR_SCORE``, each with a score of its own.
        like: A head with the same classes and input.
    """
    views = tables(outputs)
    for picked in _score_columns(views, Keys(candidates.scores)):
        total = picked.scores.table.values.shape[1]
        beside = [_only(t, picked.rows) for t in views if t.values.shape[1] == total]
        classes = candidates.classes[picked.candidates].astype(np.float32)
        labels = find_block(beside, classes[None])
        xyxy = candidates.xyxy[picked.candidates]
        for box_format, normalised in itertools.product(FORMATS, (False, True)):
            wanted = stored_as(xyxy, box_format, like.input_hw if normalised else (1, 1))
            boxes = find_block(beside, wanted.T)
            if labels is not None and boxes is not None:
                return DetectionsHead(
                    input_hw=like.input_hw,
                    classes=like.classes,
                    boxes=boxes.view(),
                    scores=picked.scores.view(),
                    labels=labels.view(),
                    box_format=box_format,
                    normalised=normalised,
                )
    return None


def _score_columns(views: Sequence[Table], keys: Keys) -> Iterator[_Picked]:
    for table in views:
        for column, values in enumerate(table.values):
            rows = np.flatnonzero(values > CLEAR_SCORE)
            found = keys.locate(values[rows]) if len(rows) >= _FEWEST else None
            if found is not None:
                yield _Picked(Block(table, column, column + 1), rows, found)


def _only(table: Table, rows: Ints) -> Table:
    return Table(table.output, table.axis, table.values[:, rows])
