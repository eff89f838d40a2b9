"""The blocks of YOLOX, made of parts that are already built.

They compute what those of YOLOv5 do; attribute names are those of the family's own state
dictionaries, so that its weights fit.

Source:
    Ge et al., "YOLOX: Exceeding YOLO Series in 2021" (2021), section 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DepthwiseConv(nn.Module):
    """A depthwise convolution, then one over the channels."""

    def __init__(self, dconv: nn.Module, pconv: nn.Module) -> None:
        super().__init__()
        self.dconv = dconv
        self.pconv = pconv

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``pconv``."""
        out: Tensor = self.pconv(self.dconv(x))
        return out


class XBottleneck(nn.Module):
    """Two convolutions, and the input added where ``add``."""

    def __init__(self, conv1: nn.Module, conv2: nn.Module, *, add: bool) -> None:
        super().__init__()
        self.conv1 = conv1
        self.conv2 = conv2
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``conv2``."""
        out: Tensor = self.conv2(self.conv1(x))
        return x + out if self.add else out


class CspLayer(nn.Module):
    """Cross-stage partial block: ``conv3(m(conv1(x)) ++ conv2(x))``.

    Source:
        Wang et al., "CSPNet" (CVPR Workshops 2020).
    """

    def __init__(self, conv1: nn.Module, conv2: nn.Module, conv3: nn.Module, m: nn.Module) -> None:
        super().__init__()
        self.conv1 = conv1
        self.conv2 = conv2
        self.conv3 = conv3
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``conv3``."""
        out: Tensor = self.conv3(torch.cat([self.m(self.conv1(x)), self.conv2(x)], 1))
        return out


class SppBottleneck(nn.Module):
    """Poolings of several windows side by side, joined with their input."""

    def __init__(self, conv1: nn.Module, conv2: nn.Module, m: nn.ModuleList) -> None:
        super().__init__()
        self.conv1 = conv1
        self.conv2 = conv2
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the width of ``conv2``."""
        x = self.conv1(x)
        out: Tensor = self.conv2(torch.cat([x, *(pool(x) for pool in self.m)], 1))
        return out


class ResLayer(nn.Module):
    """Two convolutions, and the input added: the block of Darknet-53.

    Source:
        Redmon and Farhadi, "YOLOv3" (2018), section 2.4.
    """

    def __init__(self, layer1: nn.Module, layer2: nn.Module) -> None:
        super().__init__()
        self.layer1 = layer1
        self.layer2 = layer2

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        out: Tensor = x + self.layer2(self.layer1(x))
        return out
