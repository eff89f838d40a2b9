"""Read anchors and the centre's scale off what a decode gives."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from edgekit.boxes import cxcywh_from_xyxy
from edgekit.heads.anchors import relative_size
from edgekit.heads.decoded import in_pixels
from edgekit.heads.distances import cells_xy
from edgekit.heads.scores import read, sigmoid
from edgekit.heads.spec import AnchorLevel, AnchorsHead, DecodedHead

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edgekit.heads.probing.match_scores import ScoreColumns, Table
    from edgekit.values import Floats

_SCALE_SPREAD = 0.02
_SAME_SCALE = 0.01  # what rounding makes of one; YOLOv4's 1.05, 1.1 and 1.2 are farther apart
_CLEAR_OFFSET = 0.02  # nearer the cell's centre, rounding hides the factor
_SAMPLE = 256  # predictions looked at before all of them are


def fit_anchors(
    views: Sequence[Table],
    columns: ScoreColumns,
    raws: Mapping[str, Floats],
    form: AnchorsHead,
) -> Iterator[AnchorsHead]:
    """Yield ``form`` with every set of anchors that some four columns would give.

    Args:
        views: What the decode gave for ``raws``.
        columns: The scores of every prediction, found in ``views``.
        raws: Raw values that were fed.
        form: What the boxes may be, but for its anchors and centre scale.
    """
    rows = np.argsort(columns.predictions)
    for table in views:
        if table.values.shape[1] != len(rows):
            continue
        for start, style in itertools.product(range(len(table.values) - 3), _styles(form)):
            block = table.values[start : start + 4]
            few = cxcywh_from_xyxy(in_pixels(block[:, rows[:_SAMPLE]].T, style))
            if _scale(few, read(raws, form.parts[0].boxes).T, form.parts[0]) is not None:
                fitted = _fit(cxcywh_from_xyxy(in_pixels(block[:, rows].T, style)), raws, form)
                yield from [] if fitted is None else [fitted]


def _styles(form: AnchorsHead) -> list[DecodedHead]:
    blank = DecodedHead(input_hw=form.input_hw, classes=form.classes, parts=form.parts)
    styles = itertools.product(("cxcywh", "xyxy"), (False, True))
    return [blank.model_copy(update={"box_format": f, "normalised": n}) for f, n in styles]


def _fit(cxcywh: Floats, raws: Mapping[str, Floats], form: AnchorsHead) -> AnchorsHead | None:
    parts, scales, start = [], list[float](), 0
    for part in form.parts:
        raw = read(raws, part.boxes).T
        own = cxcywh[start : start + len(raw)]
        start += len(raw)
        scale = _scale(own, raw, part)
        if scale is None:
            return None
        scales.append(round(scale, 3))
        size = np.median(own[:, 2:] / relative_size(raw[:, 2:], form), axis=0).round(3)
        parts.append(part.model_copy(update={"anchor_wh": (float(size[0]), float(size[1]))}))
    return form.model_copy(update=_scaled(parts, scales))


def _scaled(parts: Sequence[AnchorLevel], scales: Sequence[float]) -> dict[str, object]:
    """Return the one scale of all ``parts``, or one in each of them where they differ."""
    common = round(float(np.median(scales)), 3)
    if np.ptp(scales) < _SAME_SCALE:
        return {"parts": tuple(parts), "xy_scale": common}
    pairs = zip(parts, scales, strict=True)
    own = tuple(part.model_copy(update={"xy_scale": scale}) for part, scale in pairs)
    return {"parts": own, "xy_scale": common}


def _scale(cxcywh: Floats, raw: Floats, part: AnchorLevel) -> float | None:
    """Return what the sigmoid was stretched by to give these centres, if it was one factor."""
    count = min(len(cxcywh), len(raw))
    cells = cells_xy(part, np.arange(count)) + np.float32(0.5)
    offsets = cxcywh[:count, :2] / np.float32(part.stride) - cells
    units = sigmoid(raw[:count, :2]) - np.float32(0.5)
    clear = np.abs(units) > _CLEAR_OFFSET
    ratios = offsets[clear] / units[clear]
    one_factor = ratios.size > 0 and np.ptp(ratios) < _SCALE_SPREAD
    return float(np.median(ratios)) if one_factor else None
