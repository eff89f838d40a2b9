"""The blocks YOLO11 adds: attention blocks in a row on one half of the channels.

Source:
    Jocher and Qiu, "Ultralytics YOLO11" (2024); the attention is that of YOLOv10.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PsaBlock(nn.Module):
    """Attention, then two convolutions over channels; both added to their input where ``add``."""

    def __init__(self, attn: nn.Module, ffn: nn.Module, *, add: bool) -> None:
        super().__init__()
        self.attn = attn
        self.ffn = ffn
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        attended: Tensor = self.attn(x)
        x = x + attended if self.add else attended
        mixed: Tensor = self.ffn(x)
        return x + mixed if self.add else mixed


class C2Psa(nn.Module):
    """Cross-stage block whose inner blocks attend: ``cv2(kept ++ m(rest))``."""

    def __init__(self, cv1: nn.Module, cv2: nn.Module, m: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        kept, x = self.cv1(x).chunk(2, 1)
        out: Tensor = self.cv2(torch.cat([kept, self.m(x)], 1))
        return out
