"""Channels given scales of their own, as long training leaves them, without a change of function.

A batch normalization divides out whatever scale the convolution before it has, so nothing holds
the scales of channels together in training. The largest channel is 4 times the smallest in
YOLOv8n and 5 times in YOLOv10s (median over such convolutions; 50 times in the widest of them).
Ours, trained briefly, come out at 2, and are drawn apart to about 20. A tool that quantizes the
network as it stands, one scale per tensor, loses the small channels; one that folds the batch
normalizations first never sees the difference.
"""

from __future__ import annotations

import torch
from torch import nn

SEED = 0
# Largest and smallest scale lie this many doublings from 1.
OCTAVES = 2.0


@torch.no_grad()
def spread_channels(model: nn.Module, octaves: float = OCTAVES) -> None:
    """Multiply each channel that a batch normalization follows by 2 to a random power.

    The statistics of the batch normalization follow, and its gain makes up for its epsilon, so
    that the network computes what it did.

    Args:
        model: Has every such pair in an ``nn.Sequential``; changed in place.
        octaves: Powers are drawn evenly from minus to plus this.

    Source:
        Scale invariance: Ioffe and Szegedy, "Batch Normalization" (ICML 2015), section 3.3.
    """
    generator = torch.Generator().manual_seed(SEED)
    for module in model.modules():
        if isinstance(module, nn.Sequential) and len(module) == 2:
            conv, norm = module
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                power = 2 * torch.rand(conv.out_channels, generator=generator) - 1
                _scale(conv, norm, 2 ** (octaves * power))


def _scale(conv: nn.Conv2d, norm: nn.BatchNorm2d, scale: torch.Tensor) -> None:
    before = (norm.running_var + norm.eps).sqrt()
    conv.weight *= scale[:, None, None, None]
    norm.running_mean *= scale
    norm.running_var *= scale**2
    norm.weight *= (norm.running_var + norm.eps).sqrt() / (scale * before)
