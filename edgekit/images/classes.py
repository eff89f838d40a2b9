"""Which category of a data set each class of a model is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgekit.errors import DataError

if TYPE_CHECKING:
    from edgekit.values import Category

# No category: a detection of this class is scored against nothing.
UNMATCHED = -1


def match_classes(
    class_names: tuple[str, ...], categories: tuple[Category, ...], classes: int
) -> tuple[int, ...]:
    """Return the category id of each model class, ``UNMATCHED`` where the data set has none.

    By name where the model has names: case, spaces, hyphens and underscores do not count. By rank
    of category id where it has none or only numbers them, and for the few names that are spelled
    differently while the others agree in order (``motorbike``, ``motorcycle``).

    Args:
        class_names: The model's, in order; empty when it says none.
        categories: The data set's.
        classes: How many classes the model has.

    Raises:
        DataError: No name matches, or there are none and the counts differ.
    """
    if class_names and len(class_names) != classes:
        raise DataError(
            f"The model has {classes} classes but names {len(class_names)}: "
            f"{_some(class_names)}. Expected one name per class. Export it again, or strip the "
            "names from its metadata to match classes by rank of category id."
        )
    ranked = tuple(sorted(categories, key=lambda category: category.id))
    by_rank = tuple(category.id for category in ranked)
    ids = {_plain(category.name): category.id for category in ranked}
    by_name = tuple(ids.get(_plain(name), UNMATCHED) for name in class_names)
    if len(by_rank) == classes and (_unnamed(class_names, ranked) or _agree(by_name, by_rank)):
        return by_rank
    if any(category != UNMATCHED for category in by_name):
        return by_name
    raise DataError(
        f"Cannot match the model's classes with the labels: expected {classes} categories "
        f"({_some(class_names) or 'the model has no names'}), found {len(categories)} "
        f"({_some(tuple(c.name for c in ranked))}). Evaluate on labels of the model's own classes."
    )


def _unnamed(class_names: tuple[str, ...], categories: tuple[Category, ...]) -> bool:
    """Return whether one side has no names to match by: none, or numbers (``7``, ``class_7``)."""
    sides = (class_names, tuple(category.name for category in categories))
    return any(all(re.fullmatch(r"(class)?\d+", _plain(name)) for name in side) for side in sides)


def _agree(by_name: tuple[int, ...], by_rank: tuple[int, ...]) -> bool:
    """Return whether most names match, and those that do sit at their own rank."""
    matched = [
        named == rank for named, rank in zip(by_name, by_rank, strict=True) if named != UNMATCHED
    ]
    return all(matched) and 2 * len(matched) >= len(by_rank)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
