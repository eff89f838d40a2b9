"""The cells of a map: what anchors and distances are measured from."""

from __future__ import annotations

import torch
from torch import Tensor


def cells_xy(height: int, width: int, like: Tensor) -> Tensor:
    """Return the column and row of every cell, ``(height, width, 2)``, in the type of ``like``."""
    x = torch.arange(width, device=like.device, dtype=like.dtype)
    y = torch.arange(height, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)


def centres_xy(maps: list[Tensor]) -> Tensor:
    """Return the centres of all cells of ``maps``, ``(2, A)``, each in cells of its own map."""
    cells = [cells_xy(x.shape[2], x.shape[3], x).reshape(-1, 2) for x in maps]
    return torch.cat(cells).transpose(0, 1) + 0.5


def strides_of(maps: list[Tensor], strides: tuple[float, ...]) -> Tensor:
    """Return the stride of every cell of ``maps``, ``(A,)``."""
    per_map = [
        torch.full((x.shape[2] * x.shape[3],), stride, device=x.device, dtype=x.dtype)
        for x, stride in zip(maps, strides, strict=True)
    ]
    return torch.cat(per_map)
