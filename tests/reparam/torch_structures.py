"""The same kind of blocks as torch modules, to be exported as they are."""

from __future__ import annotations

import torch
from torch import nn

CHANNELS = 4


class Branches(nn.Module):
    """The sum of ``branches``, and what multiplies and moves it."""

    def __init__(self, *branches: nn.Module, scaled: bool = False) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        shape = (1, CHANNELS, 1, 1)
        self.scale = nn.Parameter(torch.randn(shape)) if scaled else None
        self.shift = nn.Parameter(torch.randn(shape)) if scaled else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *others = self.branches
        total = first(x)
        for branch in others:
            total = total + branch(x)
        return total if self.scale is None else total * self.scale + self.shift


class Blocks(nn.Module):
    """Every block over the same image, each behind an activation; one output for each."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(torch.relu(block(x)) for block in self.blocks)


class Focus(nn.Module):
    """YOLOv5's first layer: the four pixels of each 2x2 block as channels, then a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = normed(nn.Conv2d(4 * CHANNELS, CHANNELS, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        corners = [x[..., row::2, col::2] for col in (0, 1) for row in (0, 1)]
        return self.conv(torch.cat(corners, 1))


class Spp(nn.Module):
    """Pools of 5, 9 and 13 beside each other."""

    def __init__(self) -> None:
        super().__init__()
        self.pools = nn.ModuleList(nn.MaxPool2d(k, 1, k // 2) for k in (5, 9, 13))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, *(pool(x) for pool in self.pools)], 1)


def normed(layer: nn.Module) -> nn.Sequential:
    """``layer`` and a normalization behind it, some of whose variances are next to nothing."""
    bn = nn.BatchNorm2d(CHANNELS, eps=1e-3)
    nn.init.normal_(bn.weight)
    nn.init.normal_(bn.bias)
    nn.init.normal_(bn.running_mean)
    bn.running_var.copy_(torch.rand(CHANNELS) * torch.tensor([1, 1e-6, 1, 2]))
    return nn.Sequential(layer, bn)


def same(kernel: int, groups: int = 1, dilation: int = 1, *, bias: bool = False) -> nn.Conv2d:
    """A convolution that keeps the size of its image."""
    return nn.Conv2d(
        CHANNELS,
        CHANNELS,
        kernel,
        padding=dilation * (kernel // 2),
        groups=groups,
        dilation=dilation,
        bias=bias,
    )


def repvgg(kernel: int, groups: int, dilation: int) -> Branches:
    """RepVGG's block, for any kernel."""
    identity = normed(nn.Identity())
    large = normed(same(kernel, groups, dilation))
    return Branches(large, normed(same(1, groups, bias=True)), identity, scaled=True)


def diverse(kernel: int, groups: int) -> Branches:
    """The branches of a Diverse Branch Block, without the biases that padding forbids."""
    average = nn.AvgPool2d(kernel, 1, kernel // 2)
    return Branches(
        normed(same(kernel, groups)),
        normed(same(1, groups)),
        normed(nn.Sequential(same(1, groups), same(kernel, groups))),
        normed(nn.Sequential(same(1, groups), average)),
    )


def large_kernel(kernel: int) -> Branches:
    """A large depthwise kernel, and small, flat and dilated ones inside it."""
    flat = nn.Conv2d(CHANNELS, CHANNELS, (1, 3), padding=(0, 1), groups=CHANNELS, bias=False)
    return Branches(
        normed(same(kernel, CHANNELS)),
        normed(same(3, CHANNELS, dilation=2)),
        normed(flat),
        nn.Identity(),
    )


def all_blocks() -> list[nn.Module]:
    """Forty blocks that are a single convolution each."""
    blocks = [repvgg(k, g, d) for k in (1, 3, 5) for g in (1, 2, 4) for d in (1, 2)]
    blocks += [diverse(k, g) for k in (3, 5) for g in (1, 2, 4)]
    blocks += [large_kernel(k) for k in (5, 7, 9)]
    blocks += [
        normed(nn.ConvTranspose2d(CHANNELS, CHANNELS, 2, 2, groups=g, bias=b))
        for g in (1, 2, 4)
        for b in (False, True)
    ]
    blocks += [
        normed(nn.Sequential(normed(same(k, g)), same(1, g, bias=True)))
        for k in (3, 5)
        for g in (1, 2)
    ]
    return [
        *blocks,
        Focus(),
        Branches(same(3), same(3), nn.Identity(), scaled=True),
        nn.Sequential(nn.Hardtanh(), nn.BatchNorm2d(CHANNELS)),
    ]
