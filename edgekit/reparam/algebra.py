"""The maths of exact rewrites: NumPy in, NumPy out, computed in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """A batch normalization in inference mode; every array is ``(channels,)``."""

    gamma: Doubles
    beta: Doubles
    mean: Doubles
    var: Doubles
    epsilon: float

    @property
    def scale(self) -> Doubles:
        """What the layer multiplies each channel by."""
        scale: Doubles = self.gamma / np.sqrt(self.var + self.epsilon)
        return scale

    def shifted(self, bias: Doubles) -> Doubles:
        """Return what the layer makes of a constant ``bias`` per channel."""
        shifted: Doubles = self.beta + (bias - self.mean) * self.scale
        return shifted


@dataclass(frozen=True, eq=False)
class Linear:
    """The weight and bias of a Conv, ConvTranspose or Gemm, laid out as ONNX lays them out."""

    weight: Doubles
    bias: Doubles


def fold_conv(layer: Linear, bn: BatchNorm) -> Linear:
    """Return the one convolution that equals convolution then batch normalization.

    Args:
        layer: Kernel ``(out, in / groups, kh, kw)`` and bias ``(out,)``.
        bn: The layer that follows, ``out`` channels.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.3.
    """
    return Linear(layer.weight * bn.scale[:, None, None, None], bn.shifted(layer.bias))


def fold_conv_transpose(layer: Linear, bn: BatchNorm, groups: int) -> Linear:
    """Return the one transposed convolution that equals it followed by batch normalization.

    Args:
        layer: Kernel ``(in, out / groups, kh, kw)`` and bias ``(out,)``.
        bn: The layer that follows, ``out`` channels.
        groups: Output channel ``o`` belongs to group ``o // (out / groups)``.
    """
    inputs, per_group, height, width = layer.weight.shape
    grouped = layer.weight.reshape(groups, inputs // groups, per_group, height, width)
    scaled = grouped * bn.scale.reshape(groups, 1, per_group, 1, 1)
    return Linear(scaled.reshape(layer.weight.shape), bn.shifted(layer.bias))


def fold_gemm(layer: Linear, bn: BatchNorm) -> Linear:
    """Return the one matrix product that equals it followed by batch normalization.

    Args:
        layer: Weight ``(in, out)`` and bias ``(out,)``.
        bn: The layer that follows, ``out`` channels.
    """
    return Linear(layer.weight * bn.scale, bn.shifted(layer.bias))
