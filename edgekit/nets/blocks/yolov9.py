"""The blocks of YOLOv9: GELAN, its ways to halve a map, and the links of its auxiliary branch.

Source:
    Wang et al., "YOLOv9: Learning What You Want to Learn Using Programmable Gradient
    Information" (ECCV 2024), section 4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SummedBranches(nn.Module):
    """Layers side by side on one input, their outputs added, then activated.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.2.
    """

    def __init__(self, act: nn.Module, **branches: nn.Module) -> None:
        """Take the ``branches`` under the names of the family's state dictionaries."""
        super().__init__()
        self.act = act
        self.names = tuple(branches)
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activated sum."""
        outs = [self.get_submodule(name)(x) for name in self.names]
        total = outs[0]
        for out in outs[1:]:
            total = total + out
        activated: Tensor = self.act(total)
        return activated


class Elan4(nn.Module):
    """Both halves of ``cv1``, and what ``cv2`` and ``cv3`` make of the second in turn, joined."""

    def __init__(self, cv1: nn.Module, cv2: nn.Module, cv3: nn.Module, cv4: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2
        self.cv3 = cv3
        self.cv4 = cv4

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv4``."""
        parts = list(self.cv1(x).chunk(2, 1))
        parts.append(self.cv2(parts[-1]))
        parts.append(self.cv3(parts[-1]))
        out: Tensor = self.cv4(torch.cat(parts, 1))
        return out


class SppElan(nn.Module):
    """Three poolings in a row, joined with their input."""

    def __init__(self, cv1: nn.Module, cv5: nn.Module, **pools: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = pools["cv2"]
        self.cv3 = pools["cv3"]
        self.cv4 = pools["cv4"]
        self.cv5 = cv5

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv5``."""
        parts = [self.cv1(x)]
        for pool in (self.cv2, self.cv3, self.cv4):
            parts.append(pool(parts[-1]))
        out: Tensor = self.cv5(torch.cat(parts, 1))
        return out


class AverageConv(nn.Module):
    """The mean of 2 x 2 pixels, then a convolution that halves the map."""

    def __init__(self, cv1: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of half the height and width."""
        out: Tensor = self.cv1(functional.avg_pool2d(x, 2, 1))
        return out


class AverageDown(nn.Module):
    """The mean of 2 x 2 pixels, then one half convolved and the other pooled and mixed."""

    def __init__(self, cv1: nn.Module, cv2: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of half the height and width."""
        convolved, pooled = functional.avg_pool2d(x, 2, 1).chunk(2, 1)
        pooled = self.cv2(functional.max_pool2d(pooled, 3, 2, 1))
        return torch.cat([self.cv1(convolved), pooled], 1)


class Routes(nn.Module):
    """A convolution whose channels go to several places, ``c2s`` of them each."""

    def __init__(self, conv: nn.Module, *, c2s: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = conv
        self.widths = c2s

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return one map per place."""
        return tuple(self.conv(x).split(self.widths, 1))


class Fuse(nn.Module):
    """A map, and of each of several routes the one at ``idx``, enlarged to it, added."""

    def __init__(self, *, idx: tuple[int, ...]) -> None:
        super().__init__()
        self.places = idx

    def forward(self, inputs: list[tuple[Tensor, ...] | Tensor]) -> Tensor:
        """Return a map of the shape of the last input."""
        *routes, total = inputs
        assert isinstance(total, Tensor)
        size = total.shape[2:]
        for maps, place in zip(routes, self.places, strict=True):
            total = total + functional.interpolate(maps[place], size, mode="nearest")
        return total
