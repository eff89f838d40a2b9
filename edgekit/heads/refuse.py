"""Say why a graph's head cannot be converted, by the structure of its raw values."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from edgekit.errors import HeadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.heads.probing.runner import DecodeRunner


def refusal(runner: DecodeRunner, outputs: Sequence[str], score_maps: set[int]) -> HeadError:
    """Return the error that names what the graph is instead of a detector edgekit converts.

    Args:
        runner: Knows the raw values.
        outputs: Names of the graph's outputs.
        score_maps: Channel counts of the raw maps that are class scores.
    """
    shapes = [runner.natural[name].shape for name in runner.raws]
    found = ", ".join(f"{name} {list(runner.natural[name].shape)}" for name in outputs)
    return HeadError(
        f"This is {_name(shapes, score_maps)}. Expected boxes and class scores, found outputs "
        f"{found}. edgekit converts box detectors only; where this is one, export it without "
        "its own post-processing."
    )


def _name(shapes: list[tuple[int, ...]], score_maps: set[int]) -> str:
    if all(math.prod(s) == max(s) for s in shapes):
        return "a classification network"
    maps = [(s[1], s[2:]) for s in shapes if len(s) == 4]
    per_grid = Counter(grid for _, grid in maps)
    alone = {channels for channels, grid in maps if per_grid[grid] == 1}
    shared = {channels for channels, grid in maps if per_grid[grid] > 1}
    if len(maps) == 1 == len(shapes):
        return "a heat map or semantic segmentation network"
    if len(alone | {0} if shared else alone) > 1:
        return "an instance segmentation model: a map of mask prototypes goes with its boxes"
    if per_grid and min(per_grid.values()) >= 3:
        oriented = 1 in shared - score_maps
        name = "an oriented-box model" if oriented else "a pose or keypoint model"
        return f"{name}: three branches per grid, and the third is no objectness"
    return "no head whose boxes and scores edgekit can tell apart"
