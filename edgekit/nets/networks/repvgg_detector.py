"""A small anchor-free detector of RepVGG blocks, with distances as distributions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from edgekit.nets.blocks.repvgg import RepVggBlock

STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class RepVggDetectorOptions:
    """The size of the network.

    Attributes:
        stem: Channels at stride 2.
        widths: Channels at strides 4, 8, 16 and 32.
        depths: Blocks behind the first one of each of these.
        neck: Channels of the maps the head reads.
        bins: Distances a side may have, in strides from 0.
    """

    classes: int = 10
    stem: int = 16
    widths: tuple[int, int, int, int] = (24, 48, 80, 96)
    depths: tuple[int, int, int, int] = (1, 2, 2, 1)
    neck: int = 40
    bins: int = 16


@dataclass(frozen=True, eq=False)
class Maps:
    """What the head says at every place, before it is decoded.

    Attributes:
        logits: ``(N, A, K)`` class scores before the sigmoid.
        distances: ``(N, A, 4, bins)`` left, top, right, bottom as unnormalised distributions.
    """

    logits: Tensor
    distances: Tensor


class RepVggDetector(nn.Module):
    """Image ``(N, 3, H, W)`` in 0..1 to ``(N, 4 + K, A)``: centre, size in pixels, then scores.

    Source:
        Head: Li et al., "Generalized Focal Loss" (NeurIPS 2020), section 3.2.
    """

    def __init__(self, options: RepVggDetectorOptions | None = None) -> None:
        super().__init__()
        self.options = options or RepVggDetectorOptions()
        widths, neck = self.options.widths, self.options.neck
        self.stem = RepVggBlock(3, self.options.stem, 2)
        inputs = (self.options.stem, *widths[:-1])
        self.stages = nn.ModuleList(
            _stage(*shape) for shape in zip(inputs, widths, self.options.depths, strict=True)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, neck, 1) for width in widths[1:])
        self.smooth = nn.ModuleList(RepVggBlock(neck, neck) for _ in STRIDES)
        self.heads = nn.ModuleList(_Head(neck, self.options) for _ in STRIDES)

    def forward(self, image: Tensor) -> Tensor:
        """Return decoded predictions ``(N, 4 + K, A)``."""
        features = self.features(image)
        maps = self.maps(features)
        centres, strides = places([f.shape[-2:] for f in features], image)
        xyxy = boxes_xyxy(maps.distances, centres, strides)
        centre, size = (xyxy[..., :2] + xyxy[..., 2:]) / 2, xyxy[..., 2:] - xyxy[..., :2]
        return torch.cat([centre, size, maps.logits.sigmoid()], -1).transpose(1, 2)

    def features(self, image: Tensor) -> list[Tensor]:
        """Return the maps the heads read, at each of ``STRIDES``."""
        x = self.stem(image)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        merged = [lateral(x) for lateral, x in zip(self.lateral, levels[1:], strict=True)]
        for at in (1, 0):
            wider = nn.functional.interpolate(merged[at + 1], scale_factor=2.0, mode="nearest")
            merged[at] = merged[at] + wider
        return [smooth(x) for smooth, x in zip(self.smooth, merged, strict=True)]

    def maps(self, features: list[Tensor]) -> Maps:
        """Return what the heads say of ``features``."""
        outputs = [head(x) for head, x in zip(self.heads, features, strict=True)]
        logits = torch.cat([_rows(logits) for logits, _ in outputs], 1)
        distances = torch.cat([_rows(distances) for _, distances in outputs], 1)
        shape = (logits.shape[0], logits.shape[1], 4, self.options.bins)
        return Maps(logits, distances.reshape(shape))


class _Head(nn.Module):
    """Classes and boxes from one map, through a branch each."""

    def __init__(self, width: int, options: RepVggDetectorOptions) -> None:
        super().__init__()
        scores = nn.Conv2d(width, options.classes, 1)
        distances = nn.Conv2d(width, 4 * options.bins, 1)
        # An untrained score of 1 %: most places hold nothing.
        nn.init.constant_(cast("Tensor", scores.bias), -math.log(99.0))
        self.classify = nn.Sequential(RepVggBlock(width, width), scores)
        self.locate = nn.Sequential(RepVggBlock(width, width), distances)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.classify(x), self.locate(x)


def _rows(of_map: Tensor) -> Tensor:
    """Return a map ``(N, C, H, W)`` as ``(N, H * W, C)``."""
    batch, channels, height, width = of_map.shape
    return of_map.reshape(batch, channels, height * width).transpose(1, 2)


def places(sizes_hw: list[torch.Size], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the centre ``(A, 2)`` in pixels and the stride ``(A, 1)`` of every place."""
    centres, strides = [], []
    for (height, width), stride in zip(sizes_hw, STRIDES, strict=True):
        x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) * stride
        y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) * stride
        centres.append(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2))
        strides.append(torch.full((height * width, 1), float(stride), device=like.device))
    return torch.cat(centres), torch.cat(strides)


def boxes_xyxy(distances: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """Return boxes ``(N, A, 4)`` in pixels: the mean of each distribution, off its place.

    The mean is written as a 1x1 convolution over the bins, as the YOLO families write it.
    """
    bins = torch.arange(distances.shape[-1], device=distances.device, dtype=distances.dtype)
    share = distances.permute(0, 3, 2, 1).softmax(1)
    means = nn.functional.conv2d(share, bins.reshape(1, -1, 1, 1))
    sides = means.squeeze(1).transpose(1, 2) * strides
    return torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], -1)


def _stage(inputs: int, width: int, depth: int) -> nn.Sequential:
    more = (RepVggBlock(width, width) for _ in range(depth))
    return nn.Sequential(RepVggBlock(inputs, width, 2), *more)
