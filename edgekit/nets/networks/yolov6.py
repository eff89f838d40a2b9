"""The network of YOLOv6: backbone, neck and head.

Source:
    Li et al., "YOLOv6" (2022), section 2.1, and "YOLOv6 v3.0" (2023), section 2.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgekit.nets.heads.cells import centres_xy, strides_of
from edgekit.nets.heads.distances import mean_distances


class YoloV6(nn.Module):
    """Image ``(N, 3, H, W)`` in 0..1 to predictions."""

    def __init__(self, backbone: nn.Module, neck: nn.Module, detect: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.detect = detect

    def forward(self, image: Tensor) -> Tensor:
        """Return ``(N, A, 5 + K)``: centre and size in pixels, a 1, class scores."""
        out: Tensor = self.detect(self.neck(self.backbone(image)))
        return out


class _Neck(nn.Module):
    """What both necks share: the layers by name, and the way up."""

    reduce_layer0: nn.Module
    reduce_layer1: nn.Module
    Rep_p3: nn.Module
    Rep_p4: nn.Module
    Rep_n3: nn.Module
    Rep_n4: nn.Module
    downsample1: nn.Module
    downsample2: nn.Module

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def _upward(self, low: Tensor, side: Tensor, top: Tensor) -> list[Tensor]:
        """Return the last three maps, from the finest one to the coarsest."""
        middle = self.Rep_n3(torch.cat([self.downsample2(low), side], 1))
        coarse = self.Rep_n4(torch.cat([self.downsample1(middle), top], 1))
        return [low, middle, coarse]


class RepPan(_Neck):
    """Down and up again over three maps: layout of releases 0.2 and of the ``base`` models."""

    upsample0: nn.Module
    upsample1: nn.Module

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return maps at strides 8, 16 and 32."""
        fine, middle, coarse = maps
        top = self.reduce_layer0(coarse)
        x = self.Rep_p4(torch.cat([self.upsample0(top), middle], 1))
        side = self.reduce_layer1(x)
        low = self.Rep_p3(torch.cat([self.upsample1(side), fine], 1))
        return self._upward(low, side, top)


class RepBiFpan(_Neck):
    """Down and up again over four maps, the finest only read: layout of releases 0.3 and 0.4."""

    Bifusion0: nn.Module
    Bifusion1: nn.Module

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return maps at strides 8, 16 and 32."""
        finest, fine, middle, coarse = maps
        top = self.reduce_layer0(coarse)
        x = self.Rep_p4(self.Bifusion0(top, middle, fine))
        side = self.reduce_layer1(x)
        low = self.Rep_p3(self.Bifusion1(side, fine, finest))
        return self._upward(low, side, top)


class EfficientHead(nn.Module):
    """A branch for classes and one for the four distances per map, decoded.

    A checkpoint may hold more predictions than these, used in training only: they are kept and
    not computed.
    """

    proj: Tensor
    proj_conv: nn.Conv2d
    stems: nn.ModuleList
    cls_convs: nn.ModuleList
    reg_convs: nn.ModuleList

    def __init__(
        self, reads: tuple[str, str], strides: tuple[float, ...], proj: Tensor, **layers: nn.Module
    ) -> None:
        """Take the head's layers, lists with a part per map.

        Args:
            reads: Names of the predictions of classes and of distances among ``layers``.
            strides: Of the maps, in pixels.
            proj: The distance each bin stands for; a single one when distances come directly.
            layers: ``proj_conv``, ``stems``, ``cls_convs``, ``reg_convs`` and predictions.
        """
        super().__init__()
        self.proj = nn.Parameter(proj, requires_grad=False)
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.reads = reads
        self.strides = strides

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, A, 5 + K)``: centre and size in pixels, a 1, class scores."""
        stems = [stem(x) for stem, x in zip(self.stems, maps, strict=True)]
        scores = self._rows(self.cls_convs, self.reads[0], stems).sigmoid()
        sides = self._rows(self.reg_convs, self.reads[1], stems)
        if sides.shape[1] > 4:
            sides = mean_distances(sides, self.proj_conv)
        near, far = sides.chunk(2, 1)
        centres = centres_xy(maps)
        near, far = centres - near, centres + far
        boxes = torch.cat([(near + far) / 2, far - near], 1) * strides_of(maps, self.strides)
        ones = torch.ones_like(boxes[:, :1])
        return torch.cat([boxes, ones, scores], 1).transpose(1, 2)

    def _rows(self, convs: nn.ModuleList, name: str, stems: list[Tensor]) -> Tensor:
        """Return what the predictions ``name`` say behind ``convs``, ``(N, C, A)``."""
        last = self.get_submodule(name).children()
        steps = zip(convs, last, stems, strict=True)
        return torch.cat([predict(conv(x)).flatten(2) for conv, predict, x in steps], 2)
