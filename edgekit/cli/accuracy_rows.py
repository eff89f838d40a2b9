"""How good one model is, as ``edgekit eval`` shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgekit.cli.tables import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgekit.measure.accuracy import Accuracy
    from edgekit.measure.confusion import Confusion

SHOWN = 5
DIGITS = 4


def figures(accuracy: Accuracy) -> dict[str, Any]:
    """Return all that is known of one model, as JSON holds it."""
    rounded: dict[str, Any] = _rounded(asdict(accuracy))
    return rounded


def tables(accuracy: Accuracy, facts: Mapping[str, object]) -> str:
    """Return the figures, the weakest classes and the usual mistakes as tables.

    Args:
        accuracy: Of one model.
        facts: What else to show with the figures.
    """
    shown = {**_headline(accuracy), **facts}
    rows = [{"figure": name, "value": value} for name, value in shown.items()]
    parts = [show(rows, as_json=False), _weakest(accuracy), _mistakes(accuracy.confusion)]
    return "\n".join(part for part in parts if part)


def _headline(accuracy: Accuracy) -> dict[str, object]:
    recall, point = accuracy.recall, accuracy.detection
    shown: dict[str, object] = {
        name: _rounded(getattr(accuracy, name))
        for name in ("map", "map50", "map75", "map_small", "map_medium", "map_large")
    }
    shown |= {name: _rounded(getattr(recall, name)) for name in ("ar1", "ar10", "ar100")}
    shown |= {
        f"ar_{size}": _rounded(getattr(recall, size)) for size in ("small", "medium", "large")
    }
    if point is not None:
        shown |= {f"best {name}": _rounded(value) for name, value in vars(point).items()}
    return {**shown, "images": accuracy.images}


def _weakest(accuracy: Accuracy) -> str:
    """Return the classes with the lowest AP, and how many others there are."""
    ranked = sorted(accuracy.per_class.items(), key=lambda item: item[1])
    rows = [{"weakest classes": name, "AP": _rounded(ap)} for name, ap in ranked[:SHOWN]]
    others = len(ranked) - len(rows)
    more = f"{others} more with --json\n" if others else ""
    return show(rows, as_json=False) + more


def _mistakes(confusion: Confusion) -> str:
    """Return which classes are taken for which most often; empty where none is."""
    rows = [
        {"objects of": cell.truth, "found as": cell.found, "times": cell.count}
        for cell in confusion.cells
        if cell.truth != cell.found and cell.truth and cell.found
    ]
    return show(rows[:SHOWN], as_json=False) if rows else ""


def _rounded(value: Any) -> Any:
    """Return ``value`` with every fraction inside it rounded."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value
