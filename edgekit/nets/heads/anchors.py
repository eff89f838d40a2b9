"""The heads of YOLOv5 and YOLOv7: boxes as shifts and scalings of anchors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgekit.nets.heads.cells import cells_xy


class AnchorHead(nn.Module):
    """One convolution per map, decoded: centre, size in pixels, objectness, class scores.

    Anchors are kept in cells and turned into pixels on every run; no grid is ever stored.

    Source:
        Redmon and Farhadi, "YOLO9000" (CVPR 2017), section 2, with the bounded form of YOLOv5:
        centre = (2 s - 0.5 + cell) stride, size = (2 s)^2 anchor, s = sigmoid of the output.
    """

    anchors: Tensor

    def __init__(self, m: nn.ModuleList, anchors: Tensor, strides: tuple[float, ...]) -> None:
        """Take ``anchors`` of shape ``(maps, anchors per cell, 2)`` in cells of their map."""
        super().__init__()
        self.m = m
        self.strides = strides
        self.register_buffer("anchors", anchors)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return ``(N, A, 5 + K)``."""
        levels = [
            self._decode(self.raw(level, x), anchors, stride)
            for level, (x, anchors, stride) in enumerate(
                zip(maps, self.anchors, self.strides, strict=True)
            )
        ]
        return torch.cat(levels, 1)

    def raw(self, level: int, x: Tensor) -> Tensor:
        """Return what the convolution of map ``level`` says of it."""
        out: Tensor = self.m[level](x)
        return out

    def _decode(self, x: Tensor, anchors: Tensor, stride: float) -> Tensor:
        batch, channels, height, width = x.shape
        count = anchors.shape[0]
        outputs = channels // count
        x = x.reshape(batch, count, outputs, height, width).permute(0, 1, 3, 4, 2).sigmoid()
        xy, wh, scores = x[..., :2], x[..., 2:4], x[..., 4:]
        xy = (xy * 2 + (cells_xy(height, width, x) - 0.5)) * stride
        wh = (wh * 2) ** 2 * (anchors * stride).reshape(1, count, 1, 1, 2)
        joined = torch.cat([xy, wh, scores], -1)
        return joined.reshape(batch, count * height * width, outputs)


class ImplicitAnchorHead(AnchorHead):
    """The head of YOLOv7 in training: learned numbers before and behind each convolution.

    Source:
        Wang et al., "YOLOv7" (CVPR 2023), section 5.1, "implicit knowledge".
    """

    def __init__(
        self,
        m: nn.ModuleList,
        anchors: Tensor,
        strides: tuple[float, ...],
        *,
        ia: nn.ModuleList,
        im: nn.ModuleList,
    ) -> None:
        """Take what is added before (``ia``) and multiplied behind (``im``) each of ``m``."""
        super().__init__(m, anchors, strides)
        self.ia = ia
        self.im = im

    def raw(self, level: int, x: Tensor) -> Tensor:
        """Return what the convolution of map ``level``, and the numbers around it, say of it."""
        out: Tensor = self.im[level](self.m[level](self.ia[level](x)))
        return out
