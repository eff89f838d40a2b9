"""What the raw maps of a detector may mean: every reading edgekit knows, to be tried in turn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit.heads.spec import (
    AnchorLevel,
    AnchorsHead,
    DenseHead,
    DistancesHead,
    GridHead,
    Level,
    View,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ANCHORS_PER_CELL = range(1, 10)
_JOINT_BINS = (1, 8, 16, 17, 32, 33)


@dataclass(frozen=True)
class RawMap:
    """What a learned layer gives: ``(1, channels, *grid_hw)``."""

    name: str
    channels: int
    grid_hw: tuple[int, int]

    def view(self, start: int = 0, stop: int | None = None) -> View:
        """Return the channels from ``start`` to before ``stop`` as columns."""
        return View(output=self.name, axis=1, columns=(start, stop or self.channels))


@dataclass(frozen=True)
class Layout:
    """One way to find scores in the raw values.

    Attributes:
        scores: Where the class logits are, part by part.
        objectness: Where the objectness logits are, part by part; empty without.
        forms: What the boxes may be; every form has these parts. Empty: not known.
        shares: Whether scores may be shares of a softmax; else they are sigmoids.
    """

    scores: tuple[View, ...]
    objectness: tuple[View, ...] = ()
    forms: tuple[DenseHead, ...] = ()
    shares: bool = False


def known_layouts(raws: Sequence[RawMap], input_hw: tuple[int, int]) -> Iterator[Layout]:
    """Yield every layout whose box formula edgekit knows and whose channel counts fit."""
    for grids in _with_roles(_by_grid(raws)):
        if not all(_stride(maps[0], input_hw) for maps in grids):
            return
        match [m.channels for m in grids[0]]:
            case [channels]:
                yield from _joint_layouts(grids, channels, input_hw)
            case [box, _] if box % 4 == 0:
                levels = [_level(b, b.view(), s.view(), None, input_hw) for b, s in grids]
                yield _distances(levels, box // 4, input_hw)
            case [5, _]:
                both = ((b.view(0, 4), s.view(), b.view(4, 5), b) for b, s in grids)
                yield _grid([_level(m, b, s, o, input_hw) for b, s, o, m in both], input_hw)
            case [4, 1, _]:
                yield _grid(
                    [_level(b, b.view(), s.view(), o.view(), input_hw) for b, o, s in grids],
                    input_hw,
                )


def unknown_layouts(raws: Sequence[RawMap]) -> Iterator[Layout]:
    """Yield layouts that say only where scores are: K boxes per cell from maps of their own."""
    grids = _by_grid(raws)
    if not grids or any(len(maps) != 2 for maps in grids):
        return
    for order in itertools.product((0, 1), repeat=len(grids)):
        pairs = [(maps[i], maps[1 - i]) for maps, i in zip(grids, order, strict=True)]
        # Both maps have K boxes per cell: four columns each here, one per class there.
        widths = {0.0 if b.channels % 4 else 4 * s.channels / b.channels for b, s in pairs}
        width = widths.pop()
        if not widths and width.is_integer() and width > 1:
            columns = int(width)
            starts = ((s, k * columns) for b, s in pairs for k in range(b.channels // 4))
            yield Layout(tuple(s.view(at, at + columns) for s, at in starts), shares=True)


def _joint_layouts(
    grids: list[tuple[RawMap, ...]], channels: int, input_hw: tuple[int, int]
) -> Iterator[Layout]:
    maps = [m for (m,) in grids]
    for anchors in _ANCHORS_PER_CELL:
        if channels % anchors == 0 and channels // anchors > 5:
            yield _anchored(maps, anchors, input_hw)
    for box in (4 * bins for bins in _JOINT_BINS if 4 * bins < channels):
        first = ((m, m.view(0, box), m.view(box)) for m in maps)
        last = ((m, m.view(channels - box), m.view(0, channels - box)) for m in maps)
        for order in (first, last):
            levels = [_level(m, b, s, None, input_hw) for m, b, s in order]
            yield _distances(levels, box // 4, input_hw)
    if channels > 5:
        views = ((m, m.view(0, 4), m.view(5), m.view(4, 5)) for m in maps)
        yield _grid([_level(m, b, s, o, input_hw) for m, b, s, o in views], input_hw)


def _anchored(maps: list[RawMap], anchors: int, input_hw: tuple[int, int]) -> Layout:
    step = maps[0].channels // anchors
    levels = tuple(
        AnchorLevel(
            boxes=m.view(at, at + 4),
            objectness=m.view(at + 4, at + 5),
            scores=m.view(at + 5, at + step),
            stride=_stride(m, input_hw),
            grid_hw=m.grid_hw,
            anchor_wh=(1.0, 1.0),
        )
        for m in maps
        for at in range(0, m.channels, step)
    )
    forms = tuple(
        AnchorsHead(
            input_hw=input_hw,
            classes=step - 5,
            activation="sigmoid",
            parts=levels,
            size=size,
            xy_scale=1.0,
        )
        for size in ("exp", "squared-sigmoid")
    )
    return _layout(levels, forms)


def _distances(levels: list[Level], bins: int, input_hw: tuple[int, int]) -> Layout:
    parts, classes = tuple(levels), _width(levels[0].scores)
    form = DistancesHead(
        input_hw=input_hw, classes=classes, activation="sigmoid", parts=parts, bins=bins
    )
    if bins > 1:
        return _layout(parts, (form,))
    exponential = GridHead(input_hw=input_hw, classes=classes, activation="sigmoid", parts=parts)
    return _layout(parts, (form, exponential))


def _grid(levels: list[Level], input_hw: tuple[int, int]) -> Layout:
    form = GridHead(
        input_hw=input_hw,
        classes=_width(levels[0].scores),
        activation="sigmoid",
        parts=tuple(levels),
    )
    return _layout(tuple(levels), (form,))


def _layout(levels: tuple[Level, ...], forms: tuple[DenseHead, ...]) -> Layout:
    objectness = tuple(p.objectness for p in levels if p.objectness is not None)
    return Layout(tuple(p.scores for p in levels), objectness, forms)


def _level(
    at: RawMap, boxes: View, scores: View, objectness: View | None, input_hw: tuple[int, int]
) -> Level:
    return Level(
        boxes=boxes,
        scores=scores,
        objectness=objectness,
        stride=_stride(at, input_hw),
        grid_hw=at.grid_hw,
    )


def _by_grid(raws: Sequence[RawMap]) -> list[tuple[RawMap, ...]]:
    largest_first = sorted(raws, key=lambda m: (-m.grid_hw[0], -m.grid_hw[1]))
    groups = itertools.groupby(largest_first, key=lambda m: m.grid_hw)
    return [tuple(maps) for _, maps in groups]


def _with_roles(grids: list[tuple[RawMap, ...]]) -> Iterator[list[tuple[RawMap, ...]]]:
    if not grids or len({len(maps) for maps in grids}) > 1 or len(grids[0]) > 3:
        return
    for chosen in itertools.product(*(itertools.permutations(maps) for maps in grids)):
        if len({tuple(m.channels for m in maps) for maps in chosen}) == 1:
            yield list(chosen)


def _stride(at: RawMap, input_hw: tuple[int, int]) -> int:
    (stride_y, over_y), (stride_x, over_x) = (
        divmod(pixels, cells) for pixels, cells in zip(input_hw, at.grid_hw, strict=True)
    )
    return stride_y if stride_y == stride_x and not over_y + over_x else 0


def _width(view: View) -> int:
    return view.columns[1] - view.columns[0]
