"""The blocks of YOLOv7; its ELAN blocks are single layers and Concat.

Source:
    Wang et al., "YOLOv7: Trainable Bag-of-Freebies Sets New State-of-the-Art for Real-Time
    Object Detectors" (CVPR 2023).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Pooled(nn.Module):
    """One pooling, under the name it has in the families' files."""

    def __init__(self, m: nn.Module) -> None:
        super().__init__()
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """Return the pooled map."""
        out: Tensor = self.m(x)
        return out


class SppCspc(nn.Module):
    """Parallel poolings between convolutions, joined with a path that passes them by.

    Source:
        Wang et al., "Scaled-YOLOv4" (CVPR 2021), section 3.2, on pooling in a cross-stage block.
    """

    def __init__(self, m: nn.ModuleList, **convs: nn.Module) -> None:
        super().__init__()
        self.cv1 = convs["cv1"]
        self.cv2 = convs["cv2"]
        self.cv3 = convs["cv3"]
        self.cv4 = convs["cv4"]
        self.m = m
        self.cv5 = convs["cv5"]
        self.cv6 = convs["cv6"]
        self.cv7 = convs["cv7"]

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv7``."""
        deep = self.cv4(self.cv3(self.cv1(x)))
        deep = self.cv5(torch.cat([deep, *(pool(deep) for pool in self.m)], 1))
        out: Tensor = self.cv7(torch.cat([self.cv6(deep), self.cv2(x)], 1))
        return out


class DownC(nn.Module):
    """A map halved by convolutions and by pooling, and both joined: half of the width each."""

    def __init__(self, cv1: nn.Module, cv2: nn.Module, cv3: nn.Module, mp: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2
        self.cv3 = cv3
        self.mp = mp

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of half the height and width."""
        return torch.cat([self.cv2(self.cv1(x)), self.cv3(self.mp(x))], 1)


class Sum(nn.Module):
    """Two maps, added."""

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return one map."""
        first, second = maps
        return first + second


class Implicit(nn.Module):
    """A learned number per channel, ``(1, C, 1, 1)``, added to a map or multiplied with it.

    Source:
        Wang et al., "You Only Learn One Representation" (2021), section 3.
    """

    def __init__(self, implicit: Tensor, *, multiplies: bool) -> None:
        super().__init__()
        self.implicit = nn.Parameter(implicit)
        self.multiplies = multiplies

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        return self.implicit * x if self.multiplies else self.implicit + x
