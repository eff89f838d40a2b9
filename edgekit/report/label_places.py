"""Where the label of each box goes, so that it hides neither an object nor another label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TEXT_PX = 15.0  # what page.css draws
_LINE_PX = 1.2 * TEXT_PX
_CHARACTER_PX = 0.6 * TEXT_PX  # wide for the average letter of a sans-serif, right for a digit
_GAP_PX = 3.0
MOST_HIDDEN = 0.12
_LABEL_ON_LABEL = 10.0  # costs more than hiding a box or two


@dataclass(frozen=True)
class Rect:
    """An upright rectangle, in pixels of the drawing."""

    x: float
    y: float
    width: float
    height: float

    def share_under(self, other: Rect) -> float:
        """Return how much of this rectangle ``other`` hides, 0..1."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        area = self.width * self.height
        return max(across, 0.0) * max(down, 0.0) / area if area > 0 else 0.0


@dataclass(frozen=True)
class Labelled:
    """A box that wants a label.

    Attributes:
        box: In pixels of the drawing.
        text: What the label says.
        needed: Whether it is shown even where it hides something.
    """

    box: Rect
    text: str
    needed: bool


def place_labels(wanted: Sequence[Labelled], size_hw: tuple[int, int]) -> tuple[Rect | None, ...]:
    """Return the place of each label; ``None`` where one that is not needed finds none.

    Needed labels choose first, then the others in their order. Each takes the place around its
    box, inside the drawing, that hides the least of all boxes and no label if it can.
    """
    boxes = [item.box for item in wanted]
    places: dict[int, Rect] = {}
    for index in sorted(range(len(wanted)), key=lambda i: not wanted[i].needed):
        item = wanted[index]
        taken = list(places.values())
        costs = {place: _cost(place, boxes, taken) for place in _around(item, size_hw)}
        best = min(costs, key=lambda place: costs[place])
        if item.needed or costs[best] <= MOST_HIDDEN:
            places[index] = best
    return tuple(places.get(index) for index in range(len(wanted)))


def _cost(place: Rect, boxes: Sequence[Rect], taken: Sequence[Rect]) -> float:
    """Return the sum of the shares of everything that a label at ``place`` hides."""
    return sum(box.share_under(place) for box in boxes) + _LABEL_ON_LABEL * sum(
        label.share_under(place) for label in taken
    )


def _around(item: Labelled, size_hw: tuple[int, int]) -> Iterator[Rect]:
    """Yield places for a label, the one preferred first; all inside the drawing."""
    height, width = size_hw
    box, wide = item.box, len(item.text) * _CHARACTER_PX
    left, right = box.x, box.x + box.width
    top, bottom = box.y, box.y + box.height
    for x, y in (
        (left, top - _LINE_PX),
        (right - wide, top - _LINE_PX),
        (left, bottom + _GAP_PX),
        (right - wide, bottom + _GAP_PX),
        (right + _GAP_PX, top),
        (left - wide - _GAP_PX, top),
        (left + _GAP_PX, top),
        (left + _GAP_PX, bottom - _LINE_PX),
    ):
        inside = max(min(x, width - wide), 0.0), max(min(y, height - _LINE_PX), 0.0)
        yield Rect(*inside, wide, _LINE_PX)
