"""Find the head of the first YOLO: one layer gives a vector for the whole image.

It holds the classes of every cell, then the confidence of every box, then all boxes.

Source:
    Redmon et al., "You Only Look Once" (CVPR 2016), section 2.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgekit.heads.probing.layouts import Layout
from edgekit.heads.probing.match_boxes import FORMATS, Match, stored_as
from edgekit.heads.probing.match_scores import find_block, tables
from edgekit.heads.spec import DecodedHead, Part, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgekit.heads.probing.match_scores import Table
    from edgekit.heads.probing.runner import DecodeRunner
    from edgekit.values import Floats

_SIDES = range(2, 65)
_BOXES = range(1, 10)
_SEED = 3


class _Cells(NamedTuple):
    """How many cells there are each way, and boxes and classes in each."""

    side: int
    boxes: int
    classes: int


def cell_matches(runner: DecodeRunner, names: Sequence[str]) -> list[Match]:
    """Return the one way to read the values ``names`` as boxes of cells; nothing if there is none.

    The network multiplies scores and squares sizes itself: another decode is not offered.
    """
    vectors = [n for n in runner.raws if np.ndim(runner.natural[n]) == 2]
    if len(vectors) != 1:
        return []
    (name,) = vectors
    raw = np.random.default_rng(_SEED).normal(size=runner.natural[name].shape).astype(np.float32)
    given = runner.run({name: raw})
    views = tables({n: given[n] for n in names})
    found = (_match(views, raw[0], cells, runner, name) for cells in _splits(raw.shape[1]))
    return [match for match in found if match][:1]


def _splits(count: int) -> Iterator[_Cells]:
    for side, boxes in itertools.product(_SIDES, _BOXES):
        classes, rest = divmod(count - 5 * boxes * side**2, side**2)
        if not rest and classes > 0:
            yield _Cells(side, boxes, classes)


def _match(
    views: Sequence[Table], raw: Floats, cells: _Cells, runner: DecodeRunner, name: str
) -> Match | None:
    scores = find_block(views, _scores(raw, cells).T)
    if scores is None:
        return None
    for roots, form, normalised in itertools.product((True, False), FORMATS, (True, False)):
        wanted = stored_as(
            _boxes_xyxy(raw, cells, runner.input_hw, roots=roots),
            form,
            runner.input_hw if normalised else (1, 1),
        )
        boxes = find_block(views, wanted.T)
        if boxes is not None:
            own = DecodedHead(
                input_hw=runner.input_hw,
                classes=cells.classes,
                parts=(Part(boxes=boxes.view(), scores=scores.view()),),
                box_format=form,
                normalised=normalised,
            )
            whole = View(output=name, axis=1, columns=(0, len(raw)))
            return Match(Layout((whole,)), own, None, np.arange(len(wanted)), decoded=True)
    return None


def _scores(raw: Floats, of: _Cells) -> Floats:
    """Return ``(P, K)``: every box of a cell has its classes, times its own confidence."""
    cells = of.side**2
    classes, confidence, _ = np.split(raw, np.cumsum([cells * of.classes, cells * of.boxes]))
    both = confidence.reshape(cells, of.boxes, 1) * classes.reshape(cells, 1, of.classes)
    scores: Floats = both.reshape(-1, of.classes)
    return scores


def _boxes_xyxy(raw: Floats, of: _Cells, input_hw: tuple[int, int], *, roots: bool) -> Floats:
    """Return ``(P, 4)`` in pixels; sizes are squares of what the network gives where ``roots``."""
    boxes = raw[-4 * of.boxes * of.side**2 :].reshape(of.side, of.side, of.boxes, 4)
    y, x = np.meshgrid(*(np.arange(of.side, dtype=np.float32),) * 2, indexing="ij")
    centre = (boxes[..., :2] + np.stack([x, y], -1)[:, :, None]) / np.float32(of.side)
    half = (boxes[..., 2:] ** 2 if roots else boxes[..., 2:]) / 2
    corners = np.concatenate([centre - half, centre + half], -1).reshape(-1, 4)
    xyxy: Floats = corners * np.array((input_hw * 2)[::-1], np.float32)
    return xyxy
