"""Layers as Darknet computes them, where torch has none that is quite the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgekit.errors import ModelError


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


class Reorg(nn.Module):
    """Neighbouring cells of a map side by side in its channels, in Darknet's own order.

    It reads the numbers of the map as one of fewer channels, longer and wider by ``stride`` each
    way, takes that one apart, and reads what comes of it as the smaller map.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return a map ``stride`` times smaller each way."""
        batch, channels, height, width = x.shape
        by = self.stride
        apart = x.reshape(batch, channels // by**2, height, by, width, by)
        together = apart.permute(0, 3, 5, 1, 2, 4)
        return together.reshape(batch, channels * by**2, height // by, width // by)


class Crop(nn.Module):
    """The middle of an image, its values in -1..1 where they were in 0..1."""

    def __init__(self, in_hw: tuple[int, int], out_hw: tuple[int, int], *, adjusts: bool) -> None:
        """Take the size of the image, of what stays, and whether values change."""
        super().__init__()
        self.in_hw = in_hw
        self.out_hw = out_hw
        self.adjusts = adjusts

    def forward(self, x: Tensor) -> Tensor:
        """Return the part that stays."""
        _require("an image", (x.shape[2], x.shape[3]), self.in_hw)
        height, width = self.out_hw
        top, left = (self.in_hw[0] - height) // 2, (self.in_hw[1] - width) // 2
        part = x[:, :, top : top + height, left : left + width]
        return 2 * part - 1 if self.adjusts else part


class Connected(nn.Module):
    """Every number of a map, or of a layer like this one, in every number that comes out."""

    def __init__(self, linear: nn.Linear, act: nn.Module) -> None:
        super().__init__()
        self.linear = linear
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, outputs)``."""
        flat = x.flatten(1)
        _require("a map", (flat.shape[1],), (self.linear.in_features,))
        activated: Tensor = self.act(self.linear(flat))
        return activated


@dataclass(frozen=True)
class Window:
    """What a kernel covers: its side, its step, and how far it reaches over the edge."""

    size: int
    stride: int = 1
    padding: int = 0


class LocalConv(nn.Module):
    """A convolution with kernels of their own in every place.

    Attributes:
        weight: ``(places, out, in * size * size)``.
        bias: ``(out, places)``.
    """

    def __init__(
        self, widths: tuple[int, int], places_hw: tuple[int, int], window: Window, act: nn.Module
    ) -> None:
        """Take the channels that come in and go out, the rows and columns that come out."""
        super().__init__()
        (inputs, outputs), places = widths, places_hw[0] * places_hw[1]
        shape = (places, outputs, inputs * window.size**2)
        self.weight = nn.Parameter(torch.empty(shape, device="meta"))
        self.bias = nn.Parameter(torch.empty(outputs, places, device="meta"))
        self.places_hw = places_hw
        self.window = window
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of as many rows and columns as there are places."""
        of, (rows, columns) = self.window, self.places_hw
        x = nn.functional.pad(x, (of.padding,) * 4)
        places = tuple((side - of.size) // of.stride + 1 for side in x.shape[2:])
        _require("a map", places, self.places_hw)
        last_row, last_column = (of.stride * (count - 1) + 1 for count in (rows, columns))
        seen = [
            x[:, :, dy : dy + last_row : of.stride, dx : dx + last_column : of.stride]
            for dy in range(of.size)
            for dx in range(of.size)
        ]
        by_place = torch.stack(seen, 2).reshape(len(x), -1, rows * columns).permute(2, 1, 0)
        summed = (self.weight @ by_place).permute(2, 1, 0) + self.bias
        activated: Tensor = self.act(summed.reshape(len(x), -1, rows, columns))
        return activated


def _require(what: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Refuse images of another size: layers that know places or every number take one alone."""
    if found != expected:
        raise ModelError(
            f"The network takes images of one size: expected {what} of {_by(expected)}, found "
            f"{_by(found)}. Leave the size to its configuration."
        )


def _by(sides: tuple[int, ...]) -> str:
    return " x ".join(map(str, sides))
