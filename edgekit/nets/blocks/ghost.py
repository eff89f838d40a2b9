"""Blocks that make half of their maps from the other half, with one kernel per channel.

Source:
    Han et al., "GhostNet: More Features from Cheap Operations" (CVPR 2020), sections 3.1 and 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GhostConv(nn.Module):
    """``cv1(x) ++ cv2(cv1(x))``, ``cv2`` being the cheap one."""

    def __init__(self, cv1: nn.Module, cv2: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of twice the width of ``cv1``."""
        first = self.cv1(x)
        return torch.cat([first, self.cv2(first)], 1)


class GhostBottleneck(nn.Module):
    """``conv(x) + shortcut(x)``; the shortcut is the input itself where the stride is 1."""

    def __init__(self, conv: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``conv``."""
        summed: Tensor = self.conv(x) + self.shortcut(x)
        return summed
