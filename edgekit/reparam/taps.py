"""Where the kernel of a convolution or pool reads along one axis of an image."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.reparam.algebra import Indices


@dataclass(frozen=True)
class Taps:
    """Where a kernel reads along one axis of the image.

    Output ``o`` reads inputs ``o * stride + first + step * j``, ``j`` in ``0 .. count - 1``;
    what lies outside the image is zero.

    Attributes:
        stride: From one output to the next, in inputs.
        outputs: How many outputs there are.
        first: The first input read for output 0; minus the padding before the image.
        step: The dilation; 0 where there is a single tap.
        count: Size of the kernel.
        after: Padding behind the image.
    """

    stride: int
    outputs: int
    first: int = 0
    step: int = 0
    count: int = 1
    after: int = 0

    @property
    def last(self) -> int:
        """The last input read for output 0."""
        return self.first + self.step * (self.count - 1)

    @property
    def padded(self) -> bool:
        """Whether there is padding on either side; all of it may be left unread."""
        return self.first < 0 or self.after > 0

    @property
    def is_pixel(self) -> bool:
        """Whether each output reads one input, and none of them padding."""
        return self.count == 1 and not self.padded

    def is_patch(self, size: int) -> bool:
        """Return whether outputs that do not exist would read none of the ``size`` inputs.

        That is so where each output reads a block of its own, and the blocks cover the image.
        """
        return self.last < self.stride and self.outputs * self.stride + self.first >= size

    def union(self, other: Taps) -> Taps:
        """Return the fewest evenly spaced taps that read all that both read.

        Whichever reaches further on a side brings its padding there: with it the number of
        outputs stays, which both must share, as they must the stride.
        """
        first = min(self.first, other.first)
        far = max(self, other, key=lambda taps: taps.last)
        step = gcd(self.step, other.step, self.first - other.first)
        count = (far.last - first) // step + 1 if step else 1
        return Taps(self.stride, self.outputs, first, step, count, far.after)

    def behind(self, before: Taps, size: int) -> Taps:
        """Return what these read of the image of ``size`` whose taps ``before`` give theirs."""
        stride = before.stride * self.stride
        first = before.first + before.stride * self.first
        last = before.last + before.stride * self.last
        step = gcd(before.step, before.stride * self.step)
        count = (last - first) // step + 1 if step else 1
        after = max(0, stride * (self.outputs - 1) + last - (size - 1))
        return Taps(stride, self.outputs, first, step, count, after)

    def places(self, whole: Taps, offset: int = 0) -> Indices:
        """Return which taps of ``whole`` these are, moved by ``offset`` inputs."""
        inputs = offset + self.first + self.step * np.arange(self.count)
        return (inputs - whole.first) // max(whole.step, 1)


def taps_of(node: ir.Node, axis: int, count: int, size: int) -> Taps:
    """Return where a Conv or pool reads along ``axis`` of an image that is ``size`` long there.

    Args:
        node: Without ``ceil_mode``.
        axis: 0 for the height, 1 for the width.
        count: Size of its kernel.
        size: Of its input.
    """
    stride = node.attributes.get_ints("strides", (1, 1))[axis]
    dilation = node.attributes.get_ints("dilations", (1, 1))[axis] if count > 1 else 0
    room = size - 1 - dilation * (count - 1)
    auto = node.attributes.get_string("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        total = max((size - 1) // stride * stride - room, 0)
        before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        after = total - before
    else:
        pads = node.attributes.get_ints("pads", (0, 0, 0, 0)) if auto == "NOTSET" else (0, 0, 0, 0)
        before, after = pads[axis], pads[axis + 2]
    outputs = (room + before + after) // stride + 1
    return Taps(stride, outputs, -before, dilation, count, after)
