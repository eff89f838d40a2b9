"""The ``[yolo]`` layers of a Darknet network as one head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgekit.nets.heads.cells import cells_xy


@dataclass(frozen=True)
class YoloLayer:
    """What one ``[yolo]`` section says.

    Attributes:
        anchors: Width and height in pixels of the network's input, one pair per anchor.
        stride: Pixels per cell.
        xy_scale: Its ``scale_x_y``, how far a centre may leave its cell.
        activated: Its ``new_coords``: the layer before it has a sigmoid, and sizes are squares.
    """

    anchors: tuple[tuple[float, float], ...]
    stride: float
    xy_scale: float = 1.0
    activated: bool = False


class YoloHead(nn.Module):
    """Boxes as shifts and scalings of anchors.

    Source:
        Redmon and Farhadi, "YOLOv3" (2018), section 2.1; Bochkovskiy et al., "YOLOv4" (2020),
        section 3.3, on leaving the cell; Wang et al., "Scaled-YOLOv4" (CVPR 2021) on squares.
    """

    def __init__(self, levels: tuple[YoloLayer, ...]) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, A, 5 + K)``: centre and size in pixels, objectness, class scores."""
        return torch.cat([_decode(x, of) for x, of in zip(maps, self.levels, strict=True)], 1)


class RegionHead(nn.Module):
    """Boxes as shifts and scalings of anchors, one map of them.

    Source:
        Redmon and Farhadi, "YOLO9000" (CVPR 2017), section 2, "Direct location prediction".
    """

    def __init__(self, level: YoloLayer, *, shares: bool) -> None:
        """Take the map, and whether classes share their probability (softmax)."""
        super().__init__()
        self.level = level
        self.shares = shares

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, A, 4 + K)``: centre and size in pixels, class scores times objectness."""
        x = _by_anchor(maps[0], self.level)
        classes = x[..., 5:].softmax(-1) if self.shares else x[..., 5:].sigmoid()
        boxes = _boxes(x[..., :4], x[..., :2].sigmoid(), self.level)
        return torch.cat([boxes, x[..., 4:5].sigmoid() * classes], -1).flatten(1, 3)


def _decode(x: Tensor, of: YoloLayer) -> Tensor:
    x = _by_anchor(x, of)
    share = x if of.activated else x.sigmoid()
    boxes = _boxes(x[..., :4], share[..., :2], of)
    return torch.cat([boxes, share[..., 4:]], -1).flatten(1, 3)


def _by_anchor(x: Tensor, of: YoloLayer) -> Tensor:
    """Return ``(N, anchors, H, W, outputs)``."""
    batch, _, height, width = x.shape
    return x.reshape(batch, len(of.anchors), -1, height, width).permute(0, 1, 3, 4, 2)


def _boxes(raw: Tensor, share_xy: Tensor, of: YoloLayer) -> Tensor:
    anchors = torch.tensor(of.anchors, dtype=raw.dtype, device=raw.device)
    offset = share_xy * of.xy_scale - (of.xy_scale - 1) / 2
    xy = (offset + cells_xy(raw.shape[2], raw.shape[3], raw)) * of.stride
    relative = (2 * raw[..., 2:]) ** 2 if of.activated else raw[..., 2:].exp()
    return torch.cat([xy, relative * anchors.reshape(1, -1, 1, 1, 2)], -1)


class CellHead(nn.Module):
    """Boxes of cells, made of numbers that belong to the whole image.

    Source:
        Redmon et al., "You Only Look Once" (CVPR 2016), section 2.
    """

    def __init__(self, side: int, boxes: int, *, roots: bool) -> None:
        """Take cells each way, boxes per cell, and whether sizes come as their square roots."""
        super().__init__()
        self.side = side
        self.boxes = boxes
        self.roots = roots

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, A, 4 + K)``: centre and size in fractions, class scores times confidence.

        Every box of a cell has the classes of that cell.
        """
        (x,) = maps
        places = (len(x), self.side, self.side, self.boxes)
        count = self.boxes * self.side**2
        sizes = [x.shape[1] - 5 * count, count, 4 * count]
        classes, confidence, raw = torch.split(x, sizes, 1)
        classes = classes.reshape(len(x), self.side, self.side, 1, -1)
        raw = raw.reshape(*places, 4)
        corner = cells_xy(self.side, self.side, x).reshape(1, self.side, self.side, 1, 2)
        xy = (raw[..., :2] + corner) / self.side
        wh = raw[..., 2:] ** 2 if self.roots else raw[..., 2:]
        scores = confidence.reshape(*places, 1) * classes
        return torch.cat([xy, wh, scores], -1).flatten(1, 3)
