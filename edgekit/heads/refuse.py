"""Say why a graph's head cannot be converted, by the structure of its raw values."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from edgekit.errors import HeadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.heads.probe import DecodeRunner


def refusal(runner: DecodeRunner, outputs: Sequence[str]) -> HeadError:
    """Return the error that names what the graph is instead of a detector edgekit converts."""
    shapes = {name: runner.natural[name].shape for name in runner.raws}
    found = ", ".join(f"{name} {list(runner.natural[name].shape)}" for name in outputs)
    return HeadError(
        f"This is {_name(list(shapes.values()))}. Expected boxes and class scores, found outputs "
        f"{found}. edgekit converts box detectors only; where this is one, export it without "
        "its own post-processing."
    )


def _name(shapes: list[tuple[int, ...]]) -> str:
    if all(math.prod(s) == max(s) for s in shapes):
        return "a classification network"
    maps = [(s[1], s[2:]) for s in shapes if len(s) == 4]
    per_grid = Counter(grid for _, grid in maps)
    alone = [channels for channels, grid in maps if per_grid[grid] == 1]
    others = [channels for channels, grid in maps if per_grid[grid] > 1]
    if len(maps) > 1 and (len(alone) == 1 or (alone and len(set(alone)) > 1)):
        return "an instance segmentation model (a map of mask prototypes beside the boxes)"
    if per_grid and min(per_grid.values()) >= 3:
        extra = "an oriented-box model" if 1 in others else "a pose or keypoint model"
        return f"{extra} (three branches per grid)"
    if len(maps) == 1 and len(shapes) == 1:
        return "a semantic segmentation or heat-map model"
    return "no head whose boxes and scores edgekit can tell apart"
