"""The blocks YOLOv10 adds: cheap downsampling, large kernels, attention at the coarsest map.

Source:
    Wang et al., "YOLOv10: Real-Time End-to-End Object Detection" (NeurIPS 2024), section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RepVggDw(nn.Module):
    """Two depthwise kernels of different size in parallel, added, then activated.

    Once merged there is only ``conv``.
    """

    def __init__(self, conv: nn.Module, act: nn.Module, conv1: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = conv
        self.conv1 = conv1
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        total = self.conv(x)
        if self.conv1 is not None:
            total = total + self.conv1(x)
        activated: Tensor = self.act(total)
        return activated


class Cib(nn.Module):
    """Compact inverted block: depthwise and pointwise convolutions in turn."""

    def __init__(self, cv1: nn.Module, *, add: bool) -> None:
        super().__init__()
        self.cv1 = cv1
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the height and width of ``x``."""
        out: Tensor = self.cv1(x)
        return x + out if self.add else out


class ScDown(nn.Module):
    """Channels first (1 x 1), then size (depthwise, stride 2)."""

    def __init__(self, cv1: nn.Module, cv2: nn.Module) -> None:
        super().__init__()
        self.cv1 = cv1
        self.cv2 = cv2

    def forward(self, x: Tensor) -> Tensor:
        """Return a smaller map."""
        out: Tensor = self.cv2(self.cv1(x))
        return out


class Attention(nn.Module):
    """Self-attention over all places of a map, with a depthwise convolution for position.

    ``qkv`` gives, head after head, ``key_dim`` channels of queries, as many of keys, and
    ``head_dim`` of values.

    Source:
        Vaswani et al., "Attention Is All You Need" (NeurIPS 2017), section 3.2.
    """

    def __init__(self, *, num_heads: int, key_dim: int, head_dim: int, **parts: nn.Module) -> None:
        super().__init__()
        self.qkv = parts["qkv"]
        self.proj = parts["proj"]
        self.pe = parts["pe"]
        self.num_heads = num_heads
        self.split = (key_dim, key_dim, head_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        batch, _, height, width = x.shape
        heads = self.qkv(x).reshape(batch, self.num_heads, sum(self.split), height * width)
        query, key, value = heads.split(self.split, 2)
        weights = ((query * self.split[0] ** -0.5).transpose(2, 3) @ key).softmax(-1)
        attended = (value @ weights.transpose(2, 3)).reshape(batch, -1, height, width)
        out: Tensor = self.proj(attended + self.pe(value.reshape(batch, -1, height, width)))
        return out


class Psa(nn.Module):
    """Partial self-attention: one half of the channels attends, the other passes by."""

    def __init__(self, attn: nn.Module, ffn: nn.Module, **convs: nn.Module) -> None:
        super().__init__()
        self.cv1 = convs["cv1"]
        self.cv2 = convs["cv2"]
        self.attn = attn
        self.ffn = ffn

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        kept, x = self.cv1(x).chunk(2, 1)
        x = x + self.attn(x)
        x = x + self.ffn(x)
        out: Tensor = self.cv2(torch.cat([kept, x], 1))
        return out
