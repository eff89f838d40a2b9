"""The blocks of YOLOv6, made of parts that are already built.

Attribute names are those of the family's state dictionaries, so that its weights fit.

Source:
    Li et al., "YOLOv6: A Single-Stage Object Detection Framework for Industrial Applications"
    (2022), section 2.1, and "YOLOv6 v3.0: A Full-Scale Reloading" (2023), section 2.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RepBlock(nn.Module):
    """One layer that may change the width, then more of the same."""

    def __init__(self, conv1: nn.Module, block: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = conv1
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``conv1``."""
        x = self.conv1(x)
        if self.block is not None:
            x = self.block(x)
        return x


class CspSppf(nn.Module):
    """Three poolings in a row beside a path without any, joined."""

    cv1: nn.Module
    cv2: nn.Module
    cv3: nn.Module
    cv4: nn.Module
    cv5: nn.Module
    cv6: nn.Module
    cv7: nn.Module

    def __init__(self, m: nn.Module, **convs: nn.Module) -> None:
        """Take the pooling and the convolutions ``cv1`` to ``cv7``."""
        super().__init__()
        self.m = m
        for name, conv in convs.items():
            self.add_module(name, conv)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv7``."""
        parts = [self.cv4(self.cv3(self.cv1(x)))]
        for _ in range(3):
            parts.append(self.m(parts[-1]))
        pooled = self.cv6(self.cv5(torch.cat(parts, 1)))
        out: Tensor = self.cv7(torch.cat([self.cv2(x), pooled], 1))
        return out


class Enlarge(nn.Module):
    """Twice the height and width by a learned transposed convolution."""

    def __init__(self, upsample_transpose: nn.Module) -> None:
        super().__init__()
        self.upsample_transpose = upsample_transpose

    def forward(self, x: Tensor) -> Tensor:
        """Return the larger map."""
        out: Tensor = self.upsample_transpose(x)
        return out


class BiFusion(nn.Module):
    """A coarse map, one of the same size and a fine one, joined at the size of the middle one."""

    def __init__(self, upsample: nn.Module, downsample: nn.Module, **convs: nn.Module) -> None:
        super().__init__()
        self.cv1 = convs["cv1"]
        self.cv2 = convs["cv2"]
        self.cv3 = convs["cv3"]
        self.upsample = upsample
        self.downsample = downsample

    def forward(self, coarse: Tensor, middle: Tensor, fine: Tensor) -> Tensor:
        """Return a map of the height and width of ``middle``."""
        parts = [self.upsample(coarse), self.cv1(middle), self.downsample(self.cv2(fine))]
        out: Tensor = self.cv3(torch.cat(parts, 1))
        return out
