"""Find the class scores of a layout in what a decode gives for a probe.

The probe gives every prediction a score of its own. A score column, once found, then says for
each row of an output which prediction it is: layouts, transposes and orders need no rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.heads.scores import read, sigmoid, softmax
from edgekit.heads.spec import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.heads.probing.layouts import Layout
    from edgekit.heads.spec import Activation
    from edgekit.values import Floats, Ints

_TOLERANCE = 2e-6
_BOX_TOLERANCE = 2e-3  # in pixels, strides or logits: what float32 decodes differ by
_SEED = 1
_SAMPLE = 32  # rows compared before all of them are
_LOGIT_RANGE = 4.0  # keeps every sigmoid of the probe apart in float32


@dataclass(frozen=True, eq=False)
class Table:
    """One output seen as columns of rows: ``values`` is ``(columns, rows)``."""

    output: str
    axis: int
    values: Floats


@dataclass(frozen=True, eq=False)
class Block:
    """Neighbouring columns of a table, from ``start`` to before ``stop``."""

    table: Table
    start: int
    stop: int

    def view(self, rows: tuple[int, int] | None = None) -> View:
        """Return the view that reads these columns, in all rows or some."""
        whole = rows == (0, self.table.values.shape[1])
        return View(
            output=self.table.output,
            axis=self.table.axis,
            columns=(self.start, self.stop),
            rows=None if whole else rows,
        )


@dataclass(frozen=True, eq=False)
class Reading:
    """How a layout reads raw values.

    Attributes:
        logits: ``(columns, P)`` class logits of every prediction, part after part.
        objectness: ``(P,)`` objectness logits, or ``None`` when the layout has none.
        shares: Whether the network may make shares of a softmax of the logits.
    """

    logits: Floats
    objectness: Floats | None
    shares: bool = False


@dataclass(frozen=True, eq=False)
class Scores:
    """Class scores as a network may give them.

    Attributes:
        values: ``(columns, P)``.
        activation: What they still have to go through.
        multiplied: Whether objectness is in them.
        background: Whether one of the columns is the background.
    """

    values: Floats
    activation: Activation = "none"
    multiplied: bool = False
    background: bool = False


@dataclass(frozen=True, eq=False)
class ScoreColumns:
    """Class scores found in an output.

    Attributes:
        scores: What the columns hold.
        block: Where they are.
        predictions: ``(rows,)`` which prediction each row is.
    """

    scores: Scores
    block: Block
    predictions: Ints


def tables(outputs: Mapping[str, NDArray[np.generic]]) -> list[Table]:
    """Return every way to see every output as columns of rows."""
    return [
        Table(name, axis, _by_column(array.astype(np.float32, copy=False), axis))
        for name, array in outputs.items()
        if array.dtype.kind in "fiu" and array.size
        for axis in range(array.ndim)
    ]


def _by_column(array: Floats, axis: int) -> Floats:
    return np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)


def probe_values(layout: Layout, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Floats]:
    """Return raw values for which every prediction of ``layout`` has a score of its own."""
    rng = np.random.default_rng(_SEED)
    raws = random_values(shapes, rng)
    counts = [read(raws, view).shape[1] for view in layout.scores]
    ramp = rng.permutation(np.linspace(-_LOGIT_RANGE, _LOGIT_RANGE, sum(counts)))
    for i, part in enumerate(np.split(ramp, np.cumsum(counts)[:-1])):
        columns = read(raws, layout.scores[i])
        columns[:] = np.linspace(1, 0.2, len(columns))[:, None] * part
        if layout.objectness:
            read(raws, layout.objectness[i])[:] = 1.1 * part
    return raws


def picking_values(layout: Layout, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Floats]:
    """Return raw values for which every class of every prediction has a score of its own."""
    rng = np.random.default_rng(_SEED)
    raws = random_values(shapes, rng)
    columns = [read(raws, view) for view in layout.scores]
    ends = np.cumsum([c.size for c in columns])
    ramp = rng.permutation(np.linspace(-2 * _LOGIT_RANGE, _LOGIT_RANGE - 1, ends[-1]))
    for part, values in zip(columns, np.split(ramp, ends[:-1]), strict=True):
        part[:] = values.reshape(part.shape)
    for view in layout.objectness:
        read(raws, view)[:] = 2 * _LOGIT_RANGE
    return raws


def random_values(
    shapes: Mapping[str, tuple[int, ...]], rng: np.random.Generator
) -> dict[str, Floats]:
    """Return normally distributed raw values."""
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def reading(layout: Layout, raws: Mapping[str, NDArray[np.generic]]) -> Reading:
    """Return what ``layout`` sees in ``raws``."""
    logits = np.concatenate([read(raws, v) for v in layout.scores], axis=1)
    if not layout.objectness:
        return Reading(logits, None, layout.shares)
    return Reading(logits, np.concatenate([read(raws, v)[0] for v in layout.objectness]))


def find_block(views: Iterable[Table], wanted: Floats) -> Block | None:
    """Return the columns that equal ``wanted``, ``(columns, rows)``, or ``None``."""
    count, rows = wanted.shape
    few = slice(0, _SAMPLE)
    for table in views:
        if table.values.shape[1] != rows:
            continue
        starts = np.isclose(table.values[:, few], wanted[0, few], rtol=1e-4, atol=_BOX_TOLERANCE)
        for start in np.flatnonzero(starts.all(axis=1)):
            block = table.values[start : start + count]
            if block.shape == wanted.shape and np.allclose(
                block, wanted, rtol=1e-4, atol=_BOX_TOLERANCE
            ):
                return Block(table, int(start), int(start) + count)
    return None


def find_scores(views: Sequence[Table], seen: Reading) -> list[ScoreColumns]:
    """Return the columns that together hold the scores of every prediction once; else nothing.

    Args:
        views: The outputs for a probe.
        seen: The layout's reading of that probe.
    """
    for scores in _spellings(seen):
        found = [c for table in views for c in _columns(table, scores)]
        found.sort(key=lambda c: -len(c.predictions))
        covered = np.zeros(scores.values.shape[1], dtype=bool)
        chosen = []
        for columns in found:
            if not covered[columns.predictions].any():
                covered[columns.predictions] = True
                chosen.append(columns)
        if covered.all():
            return chosen
    return []


class Keys:
    """Values that are all different, each the name of its index."""

    def __init__(self, values: Floats) -> None:
        self._order = np.argsort(values)
        self._sorted = values[self._order]

    @property
    def gap(self) -> float:
        """How far apart the two nearest keys are."""
        return float(np.diff(self._sorted).min(initial=np.inf))

    def holds(self, values: Floats) -> NDArray[np.bool_]:
        """Return for each of ``values`` whether it is a key."""
        held: NDArray[np.bool_] = np.abs(self._sorted[self._nearest(values)] - values) <= _TOLERANCE
        return held

    def locate(self, values: Floats) -> Ints | None:
        """Return the index of the key that each of ``values`` is, unless one is none or twice."""
        if not self.holds(values).all():
            return None
        found = self._order[self._nearest(values)]
        return found if len(np.unique(found)) == len(found) else None

    def _nearest(self, values: Floats) -> Ints:
        last = len(self._sorted) - 1
        above = np.clip(np.searchsorted(self._sorted, values), 0, last)
        below = np.maximum(above - 1, 0)
        nearer = values - self._sorted[below] < self._sorted[above] - values
        return np.where(nearer, below, above)


def _spellings(seen: Reading) -> Iterator[Scores]:
    yield Scores(sigmoid(seen.logits))
    if seen.shares:
        shares = softmax(seen.logits, axis=0)
        yield Scores(shares, background=True)
        yield Scores(shares[1:])
        yield Scores(shares[:-1])
        return
    yield Scores(seen.logits, activation="sigmoid")
    if seen.objectness is not None:
        objectness, shares = sigmoid(seen.objectness), softmax(seen.logits, axis=0)
        yield Scores(sigmoid(seen.logits) * objectness, multiplied=True)
        yield Scores(shares * objectness, multiplied=True)


def _columns(table: Table, scores: Scores) -> Iterator[ScoreColumns]:
    # The outermost columns of a probe are monotone in the prediction's rank, whatever the
    # activation, so that one of them identifies rows; a dropped background takes the other.
    count = len(scores.values)
    key = max((0, count - 1), key=lambda c: Keys(scores.values[c]).gap)
    keys = Keys(scores.values[key])
    if len(table.values) < count:
        return
    values = table.values[key : len(table.values) - count + 1 + key]
    extremes = keys.holds(values.min(axis=1)) & keys.holds(values.max(axis=1))
    for start in np.flatnonzero(extremes):
        predictions = keys.locate(values[start])
        if predictions is None:
            continue
        block, wanted = table.values[start : start + count], scores.values[:, predictions]
        if np.allclose(block, wanted, rtol=1e-4, atol=_TOLERANCE):
            yield ScoreColumns(scores, Block(table, int(start), int(start) + count), predictions)
