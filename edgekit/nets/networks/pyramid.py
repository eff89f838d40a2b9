"""A backbone as stages, each half the size of the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping


class Pyramid(nn.Module):
    """A stem, then stages under their published names; the last few maps come out."""

    def __init__(self, stem: nn.Module, stages: Mapping[str, nn.Module], maps: int) -> None:
        """Take the stages in order, and how many of their maps to give."""
        super().__init__()
        self.stem = stem
        for name, stage in stages.items():
            self.add_module(name, stage)
        self.stages = tuple(stages)
        self.maps = maps

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the maps, finest first."""
        x = self.stem(image)
        found = []
        for name in self.stages:
            x = self.get_submodule(name)(x)
            found.append(x)
        return found[-self.maps :]
