"""The blocks of YOLOv5, YOLOv8 and their relatives, made of parts that are already built.

Attribute names are those of the families' state dictionaries, so that their weights fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """``act(bn(conv(x)))``; a checkpoint that was fused has no ``bn``."""

    def __init__(self, conv: nn.Module, act: nn.Module, bn: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = conv
        self.bn = bn
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Return the activated map."""
        x = self.conv(x)
        if self.bn is not None:
            x = self.bn(x)
        activated: Tensor = self.act(x)
        return activated


class Bottleneck(nn.Module):
    """Two convolutions, and the input added where ``add``.

    Source:
        He et al., "Deep Residual Learning" (CVPR 2016), with one convolution less, as in
        Redmon and Farhadi, "YOLOv3" (2018).
    """

    def __init__(self, cv1: nn.Module, cv2: nn.Module, *, add: bool) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv2``."""
        out: Tensor = self.cv2(self.cv1(x))
        return x + out if self.add else out


class C3(nn.Module):
    """Cross-stage partial block of three convolutions: ``cv3(m(cv1(x)) ++ cv2(x))``.

    Source:
        Wang et al., "CSPNet" (CVPR Workshops 2020), the variant without transition after ``m``.
    """

    def __init__(self, cv1: nn.Module, cv2: nn.Module, cv3: nn.Module, m: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2
        self.cv3 = cv3
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv3``."""
        out: Tensor = self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], 1))
        return out


class BottleneckCsp(nn.Module):
    """The cross-stage block of YOLOv5 before C3: one batch norm over both joined paths.

    Source:
        Wang et al., "CSPNet" (CVPR Workshops 2020), figure 3.
    """

    def __init__(self, *, bn: nn.Module, act: nn.Module, m: nn.Module, **convs: nn.Module) -> None:
        super().__init__()
        self.cv1 = convs["cv1"]
        self.cv2 = convs["cv2"]
        self.cv3 = convs["cv3"]
        self.cv4 = convs["cv4"]
        self.bn = bn
        self.act = act
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv4``."""
        joined = torch.cat([self.cv3(self.m(self.cv1(x))), self.cv2(x)], 1)
        out: Tensor = self.cv4(self.act(self.bn(joined)))
        return out


class C2f(nn.Module):
    """Cross-stage block that joins what every inner block gives, not only the last.

    Source:
        Wang et al., "Designing Network Design Strategies Through Gradient Path Analysis" (ELAN,
        2022), with bottlenecks as inner blocks.
    """

    def __init__(self, cv1: nn.Module, cv2: nn.Module, m: nn.ModuleList) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv2``."""
        parts = list(self.cv1(x).chunk(2, 1))
        for block in self.m:
            parts.append(block(parts[-1]))
        out: Tensor = self.cv2(torch.cat(parts, 1))
        return out


class Sppf(nn.Module):
    """``n`` poolings in a row, joined: the windows of parallel ones at less work.

    Source:
        He et al., "Spatial Pyramid Pooling" (ECCV 2014); pooling twice by 5 spans 9, thrice 13.
    """

    def __init__(
        self, cv1: nn.Module, cv2: nn.Module, m: nn.Module, *, n: int = 3, add: bool = False
    ) -> None:
        """Take whether to ``add`` the input in the end."""
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2
        self.m = m
        self.poolings = n
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv2``."""
        parts = [self.cv1(x)]
        for _ in range(self.poolings):
            parts.append(self.m(parts[-1]))
        out: Tensor = self.cv2(torch.cat(parts, 1))
        return x + out if self.add else out


class Spp(nn.Module):
    """Poolings of several windows side by side, joined with their input."""

    def __init__(self, cv1: nn.Module, cv2: nn.Module, m: nn.ModuleList) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``cv2``."""
        x = self.cv1(x)
        out: Tensor = self.cv2(torch.cat([x, *(pool(x) for pool in self.m)], 1))
        return out


class Focus(nn.Module):
    """Every 2 x 2 pixels side by side as channels, then a convolution.

    The order of the four is that of the published weights: left to right is the slower index.
    """

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of half the height and width."""
        left, right = x[..., ::2], x[..., 1::2]
        parts = [left[..., ::2, :], left[..., 1::2, :], right[..., ::2, :], right[..., 1::2, :]]
        out: Tensor = self.conv(torch.cat(parts, 1))
        return out


class Concat(nn.Module):
    """Maps joined along the axis ``d``."""

    def __init__(self, *, d: int) -> None:
        super().__init__()
        self.d = d

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return one map."""
        return torch.cat(maps, self.d)
