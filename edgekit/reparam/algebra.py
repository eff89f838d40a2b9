"""The maths of exact rewrites: NumPy in, NumPy out, computed in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Indices = NDArray[np.intp]


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
class Line:
    """What multiplies each channel and adds to it; both arrays are ``(channels,)``."""

    scale: Doubles
    shift: Doubles

    def shifted(self, bias: Doubles) -> Doubles:
        """Return what the line makes of a constant ``bias`` per channel."""
        shifted: Doubles = bias * self.scale + self.shift
        return shifted


@dataclass(frozen=True, eq=False)
class Linear:
    """The weight and bias of a Conv, ConvTranspose or Gemm, laid out as ONNX lays them out."""

    weight: Doubles
    bias: Doubles


@dataclass(frozen=True, eq=False)
class Places:
    """Where one kernel goes in another, larger one.

    Attributes:
        rows: Row by row of a second kernel, which rows of the larger the first one's go to.
        cols: The same for columns.
        size: Height and width of the larger.
    """

    rows: tuple[Indices, ...]
    cols: tuple[Indices, ...]
    size: tuple[int, int]


def fold_conv(layer: Linear, bn: BatchNorm | Line) -> Linear:
    """Return the one convolution that equals convolution then batch normalization.

    Args:
        layer: Kernel ``(out, in / groups, kh, kw)`` and bias ``(out,)``.
        bn: The layer that follows, ``out`` channels.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.3.
    """
    return Linear(layer.weight * bn.scale[:, None, None, None], bn.shifted(layer.bias))


def fold_conv_transpose(layer: Linear, bn: BatchNorm | Line, groups: int) -> Linear:
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


def fold_gemm(layer: Linear, bn: BatchNorm | Line) -> Linear:
    """Return the one matrix product that equals it followed by batch normalization.

    Args:
        layer: Weight ``(in, out)`` and bias ``(out,)``.
        bn: The layer that follows, ``out`` channels.
    """
    return Linear(layer.weight * bn.scale, bn.shifted(layer.bias))


def absorb_conv(layer: Linear, line: Line, groups: int) -> Linear:
    """Return the one convolution that equals a line on its input, then convolution.

    That holds where the convolution sees no padding, or the line moves no channel: padding is
    zero behind the line, so it would have to be something else in front of it.

    Args:
        layer: Kernel ``(out, in / groups, kh, kw)`` and bias ``(out,)``.
        line: What comes before it, ``in`` channels.
        groups: Output channel ``o`` reads those of group ``o // (out / groups)``.
    """
    outputs, inputs = layer.weight.shape[:2]
    grouped = layer.weight.reshape(groups, outputs // groups, *layer.weight.shape[1:])
    scaled = grouped * line.scale.reshape(groups, 1, inputs, 1, 1)
    moved = np.einsum("goihw,gi->go", grouped, line.shift.reshape(groups, inputs))
    return Linear(scaled.reshape(layer.weight.shape), layer.bias + moved.reshape(-1))


def absorb_gemm(layer: Linear, line: Line) -> Linear:
    """Return the one matrix product that equals a line on its input, then itself.

    Args:
        layer: Weight ``(in, out)`` and bias ``(out,)``.
        line: What comes before it, ``in`` channels.
    """
    return Linear(layer.weight * line.scale[:, None], layer.bias + line.shift @ layer.weight)


def identity_branch(channels: int) -> Linear:
    """Return the depthwise 1x1 convolution that changes nothing."""
    return Linear(np.ones((channels, 1, 1, 1)), np.zeros(channels))


def average_branch(channels: int, kernel: tuple[int, int]) -> Linear:
    """Return the depthwise convolution that averages each window of size ``kernel``."""
    weight = np.full((channels, 1, *kernel), 1 / (kernel[0] * kernel[1]))
    return Linear(weight, np.zeros(channels))


def batchnorm_branch(bn: BatchNorm) -> Linear:
    """Return the depthwise 1x1 convolution that equals a batch normalization on its own.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.3: the identity branch.
    """
    return Linear(bn.scale.reshape(-1, 1, 1, 1), bn.shifted(np.zeros_like(bn.mean)))


def regroup(weight: Doubles, groups: int, into: int) -> Doubles:
    """Return a grouped kernel written for fewer groups; what it gains is zeros.

    Args:
        weight: ``(out, in / groups, kh, kw)``.
        groups: How many groups it is written for.
        into: A divisor of ``groups``; the result is ``(out, in / into, kh, kw)``.
    """
    outputs, inputs, height, width = weight.shape
    parts = groups // into
    blocks = weight.reshape(into, parts, outputs // groups, inputs, height, width)
    wide: Doubles = np.einsum("gpoihw,pq->gpoqihw", blocks, np.eye(parts))
    return wide.reshape(outputs, parts * inputs, height, width)


def chain(first: Linear, second: Linear, groups: int, whole: Places) -> Linear:
    """Return the one convolution that equals a convolution followed by another.

    That holds where the second sees no padding; else where the first would make zeros of what
    the second pads.

    Args:
        first: Kernel ``(middle, in / groups, kh, kw)``.
        second: Kernel ``(out, middle / groups, kh, kw)``.
        groups: Of both; see ``regroup``.
        whole: Where in the result the elements of the first go, for each one of the second.

    Source:
        Ding et al., "Diverse Branch Block" (CVPR 2021), transform III, for any two kernels.
    """
    one, two = _by_group(first.weight, groups), _by_group(second.weight, groups)
    outputs, inputs = len(second.bias), first.weight.shape[1]
    weight = np.zeros((outputs, inputs, *whole.size))
    for row, rows in enumerate(whole.rows):
        for col, cols in enumerate(whole.cols):
            part = np.einsum("gom,gmcij->gocij", two[..., row, col], one, optimize=True)
            at = (slice(None), slice(None), rows[:, None], cols)
            weight[at] += part.reshape(outputs, inputs, *part.shape[3:])
    moved = np.einsum("gomij,gm->go", two, first.bias.reshape(groups, -1))
    return Linear(weight, second.bias + moved.reshape(-1))


def _by_group(weight: Doubles, groups: int) -> Doubles:
    return weight.reshape(groups, -1, *weight.shape[1:])


def spread(weight: Doubles, places: tuple[Indices, Indices], size: tuple[int, int]) -> Doubles:
    """Return the kernel of ``size`` that holds ``weight`` at ``places``, else zeros.

    Args:
        weight: ``(out, in / groups, kh, kw)``.
        places: ``(kh,)`` and ``(kw,)``: where each of its rows and each of its columns goes.
        size: Height and width of the result.
    """
    wide = np.zeros((*weight.shape[:2], *size))
    rows, cols = places
    wide[:, :, rows[:, None], cols] = weight
    return wide
