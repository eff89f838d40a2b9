"""Blocks that mix the channels of two halves by their order alone.

Source:
    Ma et al., "ShuffleNet V2" (ECCV 2018), section 3; Zhang et al., "ShuffleNet" (CVPR 2018), 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ShuffleBlock(nn.Module):
    """Two branches side by side, their channels in turn.

    With one branch, the half of the channels that it does not read stays as it is.
    """

    def __init__(self, branch2: nn.Module, branch1: nn.Module | None = None) -> None:
        super().__init__()
        if branch1 is not None:
            self.branch1 = branch1
        self.branch2 = branch2

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of twice the width of ``branch2``."""
        if hasattr(self, "branch1"):
            first, second = self.branch1(x), self.branch2(x)
        else:
            first, rest = x.chunk(2, 1)
            second = self.branch2(rest)
        return torch.stack([first, second], 2).flatten(1, 2)


class PooledStem(nn.Module):
    """``maxpool(conv(x))``: a quarter of the image's size."""

    def __init__(self, conv: nn.Module, maxpool: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.maxpool = maxpool

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``conv``."""
        pooled: Tensor = self.maxpool(self.conv(x))
        return pooled
