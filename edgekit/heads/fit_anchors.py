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
from edgekit.heads.spec import AnchorsHead, DecodedHead

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edgekit.heads.match import ScoreColumns, Table
    from edgekit.values import Floats

_SCALE_SPREAD = 0.02


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
            stored = table.values[start : start + 4, rows].T
            fitted = _fit(cxcywh_from_xyxy(in_pixels(stored, style)), raws, form)
            if fitted is not None:
                yield fitted


def _styles(form: AnchorsHead) -> list[DecodedHead]:
    blank = DecodedHead(input_hw=form.input_hw, classes=form.classes, parts=form.parts)
    styles = itertools.product(("cxcywh", "xyxy"), (False, True))
    return [blank.model_copy(update={"box_format": f, "normalised": n}) for f, n in styles]


def _fit(cxcywh: Floats, raws: Mapping[str, Floats], form: AnchorsHead) -> AnchorsHead | None:
    parts, scales, start = [], [], 0
    for part in form.parts:
        raw = read(raws, part.boxes).T
        own = cxcywh[start : start + len(raw)]
        start += len(raw)
        offset = own[:, :2] / part.stride - cells_xy(part, np.arange(len(raw))) - 0.5
        scale = _ratio(offset.astype(np.float32), sigmoid(raw[:, :2]) - 0.5)
        if scale is None:
            return None
        scales.append(scale)
        size = np.median(own[:, 2:] / relative_size(raw[:, 2:], form), axis=0).astype(float)
        anchor = tuple(float(a) for a in size.round(3))
        parts.append(part.model_copy(update={"anchor_wh": anchor}))
    if np.ptp(scales) > _SCALE_SPREAD:
        return None
    scale = round(float(np.median(scales)), 3)
    return form.model_copy(update={"parts": tuple(parts), "xy_scale": scale})


def _ratio(values: Floats, units: Floats) -> float | None:
    clear = np.abs(units) > 0.1
    ratios = values[clear] / units[clear]
    return float(np.median(ratios)) if np.ptp(ratios) < _SCALE_SPREAD else None
