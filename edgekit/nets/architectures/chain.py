"""A network put together layer by layer, with the width of every map known."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from torch import nn

from edgekit.nets.architectures.parts import conv
from edgekit.nets.blocks.yolo import Concat
from edgekit.nets.networks.routed import RoutedNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgekit.nets.networks.routed import Source


class Chain:
    """Layers in order; places count from 0, and -1 is the image."""

    def __init__(self, act: Callable[[], nn.Module] = nn.SiLU) -> None:
        """Take the activation behind every ``conv``."""
        self._act = act
        self._layers: list[nn.Module] = []
        self._sources: list[Source] = []
        self._widths = {-1: 3}

    @property
    def last(self) -> int:
        """The place of the layer added last."""
        return len(self._layers) - 1

    @property
    def width(self) -> int:
        """Channels of the layer added last."""
        return self._widths[self.last]

    def width_of(self, place: int) -> int:
        """Return the channels of the layer at ``place``."""
        return self._widths[place]

    def add(self, layer: nn.Module, width: int, reads: Source | None = None) -> int:
        """Add ``layer``, which gives ``width`` channels, and return its place.

        Args:
            layer: Reads the layer before it,
            width: Channels it gives.
            reads: or those at these places.
        """
        self._sources.append(self.last if reads is None else reads)
        self._layers.append(layer)
        self._widths[self.last] = width
        return self.last

    def conv(self, width: int, kernel: int = 1, stride: int = 1, reads: int | None = None) -> int:
        """Add a convolution with batch norm and activation, and return its place."""
        block = conv(self._widths[self.last if reads is None else reads], width, kernel, stride)
        block.act = self._act()
        return self.add(block, width, reads)

    def concat(self, *reads: int) -> int:
        """Add the maps at ``reads`` side by side, and return the place."""
        return self.add(Concat(d=1), sum(self._widths[at] for at in reads), reads)

    def upsample(self) -> int:
        """Add an enlargement by two, and return its place."""
        return self.add(nn.Upsample(scale_factor=2.0, mode="nearest"), self.width)

    def network(self, head: nn.Module, maps: tuple[int, ...]) -> RoutedNetwork:
        """Return the network that ends with ``head``, which reads the layers at ``maps``."""
        self.add(head, 0, maps)
        return RoutedNetwork(self._layers, self._sources)


def scaled(width: int, by: float, most: int = 2**30) -> int:
    """Return ``width``, at most ``most``, times ``by``, up to a multiple of 8."""
    return ceil(min(width, most) * by / 8) * 8


def repeats(count: int, by: float) -> int:
    """Return ``count`` times ``by``, at least 1."""
    return max(round(count * by), 1)


def aggregate(
    chain: Chain,
    maps: tuple[int, int, int],
    block: Callable[[int], int],
    down: Callable[[int], int],
) -> tuple[int, int, int]:
    """Add a path down the pyramid and one up again; return the places of the three maps.

    Args:
        chain: Ends with the coarsest map.
        maps: Places of the three maps, finest first.
        block: Adds the block of step 0 to 3: medium, fine, medium, coarse; returns its place.
        down: Adds what halves a map, for step 0 and 1.

    Source:
        Liu et al., "Path Aggregation Network" (CVPR 2018), with joining instead of adding.
    """
    fine, medium, coarse = maps
    chain.upsample()
    chain.concat(chain.last, medium)
    middle = block(0)
    chain.upsample()
    chain.concat(chain.last, fine)
    first = block(1)
    down(0)
    chain.concat(chain.last, middle)
    second = block(2)
    down(1)
    chain.concat(chain.last, coarse)
    return first, second, block(3)
