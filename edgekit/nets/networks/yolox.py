"""The network of YOLOX: a neck that holds its backbone, and a head apart for boxes and classes.

Source:
    Ge et al., "YOLOX: Exceeding YOLO Series in 2021" (2021), section 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgekit.nets.heads.cells import cells_xy, strides_of


class Yolox(nn.Module):
    """Image ``(N, 3, H, W)`` in BGR, **0..255**, to predictions."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, image: Tensor) -> Tensor:
        """Return ``(N, A, 5 + K)``: centre and size in pixels, objectness, class scores."""
        out: Tensor = self.head(self.backbone(image))
        return out


class _Neck(nn.Module):
    """A backbone that gives three maps, and the layers on top of it by name."""

    def __init__(self, backbone: nn.Module, **layers: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        for name, layer in layers.items():
            self.add_module(name, layer)


class XPafpn(_Neck):
    """The backbone's three maps, down the pyramid and up again.

    Source:
        Liu et al., "Path Aggregation Network" (CVPR 2018), with joining instead of adding.
    """

    lateral_conv0: nn.Module
    reduce_conv1: nn.Module
    C3_p4: nn.Module
    C3_p3: nn.Module
    bu_conv2: nn.Module
    C3_n3: nn.Module
    bu_conv1: nn.Module
    C3_n4: nn.Module

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return maps at strides 8, 16 and 32."""
        fine, middle, coarse = self.backbone(image)
        top = self.lateral_conv0(coarse)
        side = self.reduce_conv1(self.C3_p4(torch.cat([_twice(top), middle], 1)))
        low = self.C3_p3(torch.cat([_twice(side), fine], 1))
        middle = self.C3_n3(torch.cat([self.bu_conv2(low), side], 1))
        coarse = self.C3_n4(torch.cat([self.bu_conv1(middle), top], 1))
        return [low, middle, coarse]


class XFpn(_Neck):
    """The backbone's three maps, down the pyramid only, as in YOLOv3."""

    out1_cbl: nn.Module
    out1: nn.Module
    out2_cbl: nn.Module
    out2: nn.Module

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return maps at strides 8, 16 and 32."""
        fine, middle, coarse = self.backbone(image)
        middle = self.out1(torch.cat([_twice(self.out1_cbl(coarse)), middle], 1))
        fine = self.out2(torch.cat([_twice(self.out2_cbl(middle)), fine], 1))
        return [fine, middle, coarse]


class DecoupledHead(nn.Module):
    """A branch for classes and one for box and objectness per map, decoded.

    A box's centre is its cell plus an offset, its size a power of e, both in strides.
    """

    stems: nn.ModuleList
    cls_convs: nn.ModuleList
    reg_convs: nn.ModuleList
    cls_preds: nn.ModuleList
    reg_preds: nn.ModuleList
    obj_preds: nn.ModuleList

    def __init__(self, strides: tuple[float, ...], **lists: nn.ModuleList) -> None:
        """Take the strides in pixels and the layers, lists with a part per map."""
        super().__init__()
        for name, parts in lists.items():
            self.add_module(name, parts)
        self.strides = strides

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, A, 5 + K)``: centre and size in pixels, objectness, class scores."""
        rows = torch.cat([self._row(at, x) for at, x in enumerate(maps)], 2).transpose(1, 2)
        cells = torch.cat([cells_xy(x.shape[2], x.shape[3], x).reshape(-1, 2) for x in maps])
        strides = strides_of(maps, self.strides)[:, None]
        centre, size, scores = rows[..., :2], rows[..., 2:4], rows[..., 4:]
        return torch.cat([(centre + cells) * strides, size.exp() * strides, scores], 2)

    def _row(self, at: int, x: Tensor) -> Tensor:
        """Return what is said of the map ``x``, ``(N, 5 + K, cells)``."""
        x = self.stems[at](x)
        boxes, classes = self.reg_convs[at](x), self.cls_convs[at](x)
        scores = [self.obj_preds[at](boxes), self.cls_preds[at](classes)]
        parts = [self.reg_preds[at](boxes), *(score.sigmoid() for score in scores)]
        return torch.cat(parts, 1).flatten(2)


def _twice(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
