"""Parallel pools of growing size, each as a pool of the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.reparam.branches import image_shape, is_image
from edgekit.reparam.rules import Rewrite, RewriteRule, rewritten
from edgekit.reparam.taps import taps_of

if TYPE_CHECKING:
    from edgekit.reparam.rules import Rewrites
    from edgekit.reparam.taps import Taps
    from edgekit.values import Graph

_Axes = tuple["Taps", "Taps"]


def chain_pools(graph: Graph) -> Rewrites:
    """Return ``graph`` with maximum pools of one image in a row, where they keep its size.

    The maximum over 13x13 is that over 5x5 of maxima over 9x9, which takes fewer comparisons:
    pools of 5, 9 and 13 become three of 5.

    Source:
        Jocher et al., YOLOv5: the module SPPF, which computes what SPP does.
    """
    return rewritten(graph, ChainPools())


class ChainPools(RewriteRule):
    """The pass behind ``chain_pools``."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite every pool, and put those that others pool now before them."""
        result = super().call(model)
        if result.modified:
            common.TopologicalSortPass()(model)
        return result

    def rewrite(self, node: ir.Node) -> Rewrite | None:
        """Let ``node`` pool the largest pool of its image that it covers, and so on from there."""
        source = node.inputs[0] if node.inputs else None
        chained = 0
        while (inner := _inner(node)) is not None:
            _pool_instead(node, inner)
            chained += 1
        if source is None or not chained:
            return None
        name, value = str(node.name), str(node.outputs[0].name)
        return Rewrite("a pool of a smaller pool", name, (name,), str(source.name), value)


def _inner(node: ir.Node) -> ir.Node | None:
    """Return the largest pool, of the image that ``node`` pools, that it covers, or ``None``."""
    wanted = _pool_of(node)
    if wanted is None:
        return None
    source = node.inputs[0]
    assert source is not None
    others = (n for n in source.consumers() if n is not node and n.graph is node.graph)
    pools = ((other, _pool_of(other)) for other in others)
    inside = [(other, taps) for other, taps in pools if taps and _covers(wanted, taps)]
    size = {other: taps[0].count * taps[1].count for other, taps in inside}
    return max(size, key=lambda other: (size[other], str(other.name)), default=None)


def _pool_instead(node: ir.Node, inner: ir.Node) -> None:
    """Make ``node`` pool what ``inner`` gives."""
    wanted, taps = _pool_of(node), _pool_of(inner)
    assert wanted is not None
    assert taps is not None
    _shrink(node, wanted, taps)
    node.replace_input_with(0, inner.outputs[0])


def _pool_of(node: ir.Node) -> _Axes | None:
    """Return where a MaxPool that keeps the size of its image reads, or ``None`` for all else."""
    source = node.inputs[0] if node.inputs else None
    if node.op_type != "MaxPool" or source is None or not is_image(source):
        return None
    if node.attributes.get_int("ceil_mode", 0) or len(node.outputs) > 1:
        return None
    kernel, sizes = node.attributes.get_ints("kernel_shape", (1, 1)), image_shape(source)[1:]
    rows, cols = (taps_of(node, axis, kernel[axis], sizes[axis]) for axis in (0, 1))
    kept = all(t.stride == 1 and t.step <= 1 and t.first <= 0 <= t.last for t in (rows, cols))
    return (rows, cols) if kept and (rows.outputs, cols.outputs) == sizes else None


def _covers(large: _Axes, small: _Axes) -> bool:
    """Return whether ``large`` reads all that ``small`` does, and more, for two pixels or more."""
    axes = list(zip(large, small, strict=True))
    around = all(one.first <= two.first and one.last >= two.last for one, two in axes)
    more = any(one.count > two.count for one, two in axes)
    return around and more and small[0].count * small[1].count > 1


def _shrink(node: ir.Node, large: _Axes, small: _Axes) -> None:
    """Give ``node`` what ``large`` has beyond ``small``."""
    axes = list(zip(large, small, strict=True))
    before = [two.first - one.first for one, two in axes]
    after = [one.last - two.last for one, two in axes]
    kernel = [1 + b + a for b, a in zip(before, after, strict=True)]
    node.attributes.pop("auto_pad", None)
    node.attributes["kernel_shape"] = ir.AttrInt64s("kernel_shape", kernel)
    node.attributes["pads"] = ir.AttrInt64s("pads", [*before, *after])
