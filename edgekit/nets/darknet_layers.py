"""Layers as Darknet computes them, where torch has none that is quite the same."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Route(nn.Module):
    """Maps side by side, or one part of each where ``groups`` is more than one."""

    def __init__(self, groups: int = 1, part: int = 0) -> None:
        """Take into how many parts of its channels each map falls, and which one is read."""
        super().__init__()
        self.groups = groups
        self.part = part

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return one map."""
        if self.groups > 1:
            maps = [x.chunk(self.groups, 1)[self.part] for x in maps]
        return torch.cat(maps, 1) if len(maps) > 1 else maps[0]


class Shortcut(nn.Module):
    """The sum of maps of one shape, activated."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.act = act

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return one map."""
        first, *others = maps
        activated: Tensor = self.act(sum(others, start=first))
        return activated


class UnevenPool(nn.Module):
    """The maximum over an even window at stride 1, with one more row and column behind than before.

    A pool that is padded alike on both sides gives one row and column too many: the first.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(size, 1, size // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        pooled: Tensor = self.pool(x)
        return pooled[:, :, 1:, 1:]
