"""NanoDet-Plus: a backbone, a path down and up again, and a head per map.

Source:
    RangiLyu, "NanoDet-Plus" (2021): how its parts are joined, no code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class ShuffleBackbone(nn.Module):
    """Maps at strides 8, 16 and 32.

    Source:
        Ma et al., "ShuffleNet V2" (ECCV 2018), table 5.
    """

    def __init__(self, conv1: nn.Module, stages: Sequence[nn.Module]) -> None:
        """Take the first convolution and the three stages behind the pooling."""
        super().__init__()
        self.conv1 = conv1
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.stage2, self.stage3, self.stage4 = stages

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the three maps, finest first."""
        fine = self.stage2(self.maxpool(self.conv1(image)))
        medium = self.stage3(fine)
        return [fine, medium, self.stage4(medium)]


class GhostPan(nn.Module):
    """Maps of one width: down from the coarsest, up again, and one level more.

    Source:
        Liu et al., "Path Aggregation Network" (CVPR 2018), of the blocks of "GhostNet".
    """

    reduce_layers: nn.ModuleList
    top_down_blocks: nn.ModuleList
    downsamples: nn.ModuleList
    bottom_up_blocks: nn.ModuleList
    extra_lvl_in_conv: nn.ModuleList
    extra_lvl_out_conv: nn.ModuleList

    def __init__(self, **parts: nn.ModuleList) -> None:
        """Take the lists of layers under their names."""
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.upsample = nn.Upsample(scale_factor=2.0, mode="bilinear")

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the maps, finest first, one more than are read."""
        read = [reduce(x) for reduce, x in zip(self.reduce_layers, maps, strict=True)]
        down = [read[-1]]
        for block, x in zip(self.top_down_blocks, reversed(read[:-1]), strict=True):
            down.insert(0, block(torch.cat([self.upsample(down[0]), x], 1)))
        up = [down[0]]
        steps = zip(self.downsamples, self.bottom_up_blocks, down[1:], strict=True)
        for halve, block, x in steps:
            up.append(block(torch.cat([halve(up[-1]), x], 1)))
        extra = zip(self.extra_lvl_in_conv, self.extra_lvl_out_conv, strict=True)
        return [*up, *(first(read[-1]) + second(up[-1]) for first, second in extra)]


class Projection(nn.Module):
    """The distances that a distribution is over, kept with the weights."""

    project: Tensor

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.register_buffer("project", torch.arange(float(bins)))


class NanoDetHead(nn.Module):
    """Scores of classes, and distributions over distances to the four sides.

    Source:
        Li et al., "Generalized Focal Loss" (NeurIPS 2020), section 3.
    """

    def __init__(self, cls_convs: nn.ModuleList, gfl_cls: nn.ModuleList, bins: int) -> None:
        """Take the layers and the last convolution of each map, and the bins per distance."""
        super().__init__()
        self.cls_convs = cls_convs
        self.gfl_cls = gfl_cls
        self.distribution_project = Projection(bins)
        self.boxes = 4 * bins

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, A, K + 4 * bins)``: class scores, then the distributions as logits."""
        rows = []
        for x, convs, last in zip(maps, self.cls_convs, self.gfl_cls, strict=True):
            raw = last(convs(x)).flatten(2)
            scores, boxes = raw[:, : -self.boxes], raw[:, -self.boxes :]
            rows.append(torch.cat([scores.sigmoid(), boxes], 1))
        return torch.cat(rows, 2).permute(0, 2, 1)


class NanoDet(nn.Module):
    """Image, ImageNet's mean and deviation applied, BGR, to predictions of its ``head``."""

    def __init__(
        self, backbone: nn.Module, fpn: nn.Module, head: nn.Module, **unused: nn.Module
    ) -> None:
        """Take the parts, and under their names those that only training uses."""
        super().__init__()
        self.backbone = backbone
        self.fpn = fpn
        self.head = head
        for name, part in unused.items():
            self.add_module(name, part)

    def forward(self, image: Tensor) -> Tensor:
        """Return the predictions of an image ``(N, 3, H, W)``."""
        predictions: Tensor = self.head(self.fpn(self.backbone(image)))
        return predictions
