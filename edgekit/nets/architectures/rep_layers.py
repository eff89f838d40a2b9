"""Layers of RepVGG, made from their sizes with weights yet to be loaded."""

from __future__ import annotations

from torch import nn

from edgekit.nets.blocks.yolov9 import SummedBranches


def rep_layer(inputs: int, outputs: int, stride: int = 1, *, eps: float) -> SummedBranches:
    """Return a layer of RepVGG as it is trained, of two or three branches.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        stride: In pixels.
        eps: What the batch normalizations add to the variance.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.2.
    """
    branches: dict[str, nn.Module] = {
        "rbr_dense": _conv_bn((inputs, outputs), 3, stride, eps),
        "rbr_1x1": _conv_bn((inputs, outputs), 1, stride, eps),
    }
    if inputs == outputs and stride == 1:
        branches["rbr_identity"] = nn.BatchNorm2d(inputs, eps=eps)
    return SummedBranches(nn.ReLU(), **branches)


def _conv_bn(widths: tuple[int, int], kernel: int, stride: int, eps: float) -> nn.Sequential:
    both = nn.Sequential()
    both.add_module("conv", nn.Conv2d(*widths, kernel, stride, kernel // 2, bias=False))
    both.add_module("bn", nn.BatchNorm2d(widths[1], eps=eps))
    return both
