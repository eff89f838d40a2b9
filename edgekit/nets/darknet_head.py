"""The ``[yolo]`` layers of a Darknet network as one head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgekit.nets.cells import cells_xy


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


def _decode(x: Tensor, of: YoloLayer) -> Tensor:
    batch, channels, height, width = x.shape
    count = len(of.anchors)
    outputs = channels // count
    x = x.reshape(batch, count, outputs, height, width).permute(0, 1, 3, 4, 2)
    share = x if of.activated else x.sigmoid()
    anchors = torch.tensor(of.anchors, dtype=x.dtype, device=x.device).reshape(1, count, 1, 1, 2)
    offset = share[..., :2] * of.xy_scale - (of.xy_scale - 1) / 2
    xy = (offset + cells_xy(height, width, x)) * of.stride
    relative = (2 * share[..., 2:4]) ** 2 if of.activated else x[..., 2:4].exp()
    joined = torch.cat([xy, relative * anchors, share[..., 4:]], -1)
    return joined.reshape(batch, count * height * width, outputs)
