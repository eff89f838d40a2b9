"""The block of RepVGG as it is trained: three parallel branches, each with its own statistics."""

from __future__ import annotations

from torch import Tensor, nn


class RepVggBlock(nn.Module):
    """``act(BN(conv3x3(x)) + BN(conv1x1(x)) + BN(x))``; the last only where shapes allow it.

    Source:
        Ding et al., "RepVGG: Making VGG-style ConvNets Great Again" (CVPR 2021), section 3.2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.dense = _conv_bn(inputs, outputs, 3, stride)
        self.pointwise = _conv_bn(inputs, outputs, 1, stride)
        same = inputs == outputs and stride == 1
        self.identity = nn.BatchNorm2d(inputs) if same else None
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, outputs, H / stride, W / stride)``."""
        total = self.dense(x) + self.pointwise(x)
        if self.identity is not None:
            total = total + self.identity(x)
        activated: Tensor = self.act(total)
        return activated


def _conv_bn(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))
