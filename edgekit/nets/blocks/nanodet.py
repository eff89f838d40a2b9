"""Blocks of NanoDet-Plus, under the names of its state dictionary."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SeparableConv(nn.Module):
    """A kernel per channel, then one across channels, each normalized and activated.

    Source:
        Howard et al., "MobileNets" (2017), section 3.1.
    """

    def __init__(self, depthwise: nn.Conv2d, pointwise: nn.Conv2d, act: nn.Module) -> None:
        super().__init__()
        self.depthwise = depthwise
        self.pointwise = pointwise
        self.dwnorm = nn.BatchNorm2d(depthwise.out_channels)
        self.pwnorm = nn.BatchNorm2d(pointwise.out_channels)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``pointwise``."""
        x = self.act(self.dwnorm(self.depthwise(x)))
        activated: Tensor = self.act(self.pwnorm(self.pointwise(x)))
        return activated


class GhostModule(nn.Module):
    """``primary_conv(x)``, and what ``cheap_operation`` makes of that, side by side.

    Source:
        Han et al., "GhostNet" (CVPR 2020), section 3.1.
    """

    def __init__(self, primary_conv: nn.Module, cheap_operation: nn.Module) -> None:
        super().__init__()
        self.primary_conv = primary_conv
        self.cheap_operation = cheap_operation

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of twice the width of ``primary_conv``."""
        first = self.primary_conv(x)
        return torch.cat([first, self.cheap_operation(first)], 1)


class GhostResidual(nn.Module):
    """Two ghost modules, and the input added by way of ``shortcut``.

    Source:
        Han et al., "GhostNet" (CVPR 2020), section 3.2.
    """

    def __init__(self, ghost1: nn.Module, ghost2: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.ghost1 = ghost1
        self.ghost2 = ghost2
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``ghost2``."""
        summed: Tensor = self.ghost2(self.ghost1(x)) + self.shortcut(x)
        return summed
