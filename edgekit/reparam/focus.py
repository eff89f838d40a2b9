"""An image whose blocks of pixels are spread to channels, read as a convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.reparam.algebra import Linear
from edgekit.reparam.branches import Branch, image_shape, is_image
from edgekit.reparam.layers import constant_of
from edgekit.reparam.taps import Taps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

_Corner = tuple[int, int]


def focus_of(node: ir.Node) -> Branch | None:
    """Return what spreads blocks to channels and ends in ``node``, or ``None`` where none does.

    That is a SpaceToDepth, or a Concat of strided Slices of one image, one for some or all
    pixels of the block, in any order: each output pixel holds those of one block. The image is
    whole blocks.

    Source:
        Jocher et al., YOLOv5: the module Focus.
    """
    if node.op_type == "SpaceToDepth":
        size = node.attributes.get_int("blocksize", 1)
        corners = [(row, col) for row in range(size) for col in range(size)]
        return _branch((node,), node.inputs[0], corners, size)
    if node.op_type != "Concat" or node.attributes.get_int("axis", 0) not in {1, -3}:
        return None
    patches = [_patch(value) for value in node.inputs]
    found = [patch for patch in patches if patch is not None]
    if len(found) < len(patches) or len({(p.source, p.block) for p in found}) != 1:
        return None
    nodes = dict.fromkeys(n for patch in found for n in patch.nodes)
    corners = [patch.corner for patch in found]
    return _branch((*nodes, node), found[0].source, corners, found[0].block)


@dataclass(frozen=True, eq=False)
class _Patch:
    """Every ``block``-th pixel of ``source`` along both axes, from ``corner`` on."""

    source: ir.Value
    nodes: tuple[ir.Node, ...]
    corner: _Corner
    block: int


def _branch(
    nodes: tuple[ir.Node, ...], source: ir.Value | None, corners: Sequence[_Corner], block: int
) -> Branch | None:
    if source is None or not is_image(source):
        return None
    channels, height, width = image_shape(source)
    if height % block or width % block:
        return None
    weight = np.zeros((len(corners), channels, channels, block, block))
    for number, (row, col) in enumerate(corners):
        weight[number, :, :, row, col] = np.eye(channels)
    rows, cols = (
        Taps(block, size // block, 0, 1 if block > 1 else 0, block) for size in (height, width)
    )
    layer = Linear(weight.reshape(-1, channels, block, block), np.zeros(len(corners) * channels))
    leaf = nodes[-1].outputs[0]
    # Moving a pixel is no multiplication.
    return Branch(str(nodes[-1].name), source, nodes, None, (leaf,), layer, 1, rows, cols, macs=0)


def _patch(value: ir.Value | None) -> _Patch | None:
    """Return which pixels of which image the Slices behind ``value`` take, or ``None``."""
    nodes: list[ir.Node] = []
    taken: dict[int, range] = {}
    while value is not None and (node := value.producer()) and node.op_type == "Slice":
        nodes.insert(0, node)
        value = node.inputs[0]
        ranges = None if value is None or not is_image(value) else _ranges(node, value)
        if ranges is None or taken.keys() & ranges.keys():
            return None
        taken |= ranges
    if value is None or taken.keys() != {2, 3} or not is_image(value):
        return None
    sizes = dict(zip((2, 3), image_shape(value)[1:], strict=True))
    blocks = {pixels.step for pixels in taken.values()}
    block, corner = blocks.pop(), (taken[2].start, taken[3].start)
    whole = all(taken[a] == range(taken[a].start, sizes[a], block) for a in taken)
    if blocks or block < 1 or max(corner) >= block or not whole:
        return None
    return _Patch(value, tuple(nodes), corner, block)


def _ranges(node: ir.Node, value: ir.Value) -> dict[int, range] | None:
    """Return which pixels of ``value`` a Slice takes along each axis it cuts, or ``None``."""
    numbers = [constant_of(given) for given in node.inputs[1:]]
    if value.shape is None or len(numbers) < 2 or any(array is None for array in numbers):
        return None
    starts, ends, *rest = ([int(n) for n in array] for array in numbers if array is not None)
    axes = [axis % 4 for axis in rest[0]] if rest else list(range(len(starts)))
    steps = rest[1] if len(rest) > 1 else [1] * len(starts)
    sizes = value.shape.numpy()
    cuts = zip(axes, starts, ends, steps, strict=True)
    return {axis: range(sizes[axis])[start:end:step] for axis, start, end, step in cuts}
