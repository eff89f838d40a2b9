"""Two branches as one convolution: added up, or one behind the other."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from edgekit.reparam.algebra import Linear, Places, chain, regroup, spread
from edgekit.reparam.branches import Branch, image_shape

if TYPE_CHECKING:
    from edgekit.reparam.algebra import Doubles, Indices
    from edgekit.reparam.taps import Taps


def sum_obstacle(large: Branch, small: Branch) -> str | None:
    """Return why ``small`` cannot be added into ``large`` for no more work, or ``None``."""
    if large.shape != small.shape:
        wanted, got = ("x".join(map(str, branch.shape)) for branch in (large, small))
        return f"it gives {got} values where '{large.name}' gives {wanted}"
    if large.strides != small.strides:
        return f"its stride is {small.strides}, that of '{large.name}' {large.strides}"
    if large.conv is None and small.conv is None:
        return "there is no convolution beside it that could take it in"
    rows, cols = large.rows.union(small.rows), large.cols.union(small.cols)
    inputs = large.layer.weight.shape[1] * large.groups
    per_output = inputs // gcd(large.groups, small.groups) * rows.count * cols.count
    pixels, apart = rows.outputs * cols.outputs, large.macs + small.macs
    merged = len(large.layer.bias) * per_output
    if merged * pixels <= apart:
        return None
    return (
        f"in one convolution with '{large.name}' it would take {merged} "
        f"multiply-accumulates per pixel, apart they take {apart / pixels:.6g}"
    )


def added(large: Branch, small: Branch) -> Branch:
    """Return the sum of two branches; ``sum_obstacle`` has found none.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.3, for any kernel, dilation and group.
    """
    rows, cols = large.rows.union(small.rows), large.cols.union(small.cols)
    groups = gcd(large.groups, small.groups)
    size = (rows.count, cols.count)

    def widened(branch: Branch) -> Doubles:
        places = branch.rows.places(rows), branch.cols.places(cols)
        return spread(regroup(branch.layer.weight, branch.groups, groups), places, size)

    layer = Linear(widened(large) + widened(small), large.layer.bias + small.layer.bias)
    main = large if large.conv is not None else small
    return Branch(
        name=main.name,
        source=large.source,
        nodes=(*large.nodes, *small.nodes),
        conv=main.conv,
        leaves=(*large.leaves, *small.leaves),
        layer=layer,
        groups=groups,
        rows=rows,
        cols=cols,
        macs=layer.weight.size * rows.outputs * cols.outputs,
    )


def chain_obstacle(first: Branch, second: Branch) -> str | None:
    """Return why ``second`` behind ``first`` is not exactly one convolution, or ``None``."""
    axes = zip((first.rows, first.cols), image_shape(first.source)[1:], strict=True)
    patches = all(taps.is_patch(size) for taps, size in axes)
    if not patches and not (second.rows.is_pixel and second.cols.is_pixel):
        return f"neither it nor '{first.name}' before it is a 1x1 convolution"
    padded = second.rows.padded or second.cols.padded
    if padded and np.any(first.layer.bias):
        return (
            f"it pads with zeros what '{first.name}' before it gives, which would have its "
            "bias there"
        )
    return None


def chained(first: Branch, second: Branch) -> Branch:
    """Return ``second`` behind ``first``; ``chain_obstacle`` has found none."""
    height, width = image_shape(first.source)[1:]
    rows = second.rows.behind(first.rows, height)
    cols = second.cols.behind(first.cols, width)
    groups = gcd(first.groups, second.groups)
    places = Places(
        _moved(first.rows, second.rows, rows),
        _moved(first.cols, second.cols, cols),
        (rows.count, cols.count),
    )
    one, two = (
        Linear(regroup(branch.layer.weight, branch.groups, groups), branch.layer.bias)
        for branch in (first, second)
    )
    main = _main(first, second)
    return Branch(
        name=main.name,
        source=first.source,
        nodes=(*first.nodes, *second.nodes),
        conv=main.conv,
        leaves=second.leaves,
        layer=chain(one, two, groups, places),
        groups=groups,
        rows=rows,
        cols=cols,
        macs=first.macs + second.macs,
    )


def chained_macs(first: Branch, second: Branch) -> int:
    """Return the multiply-accumulates that one convolution for the two would take."""
    height, width = image_shape(first.source)[1:]
    rows = second.rows.behind(first.rows, height)
    cols = second.cols.behind(first.cols, width)
    inputs = image_shape(first.source)[0] // gcd(first.groups, second.groups)
    channels, *pixels = second.shape
    return channels * inputs * rows.count * cols.count * pixels[0] * pixels[1]


def _moved(first: Taps, second: Taps, whole: Taps) -> tuple[Indices, ...]:
    """Return, for each tap of ``second``, where in ``whole`` those of ``first`` go."""
    offsets = (first.stride * (second.first + second.step * j) for j in range(second.count))
    return tuple(first.places(whole, offset) for offset in offsets)


def _main(first: Branch, second: Branch) -> Branch:
    """Return which of the two has the larger Conv."""
    if first.conv is None or second.conv is None:
        return second if first.conv is None else first
    return max(second, first, key=lambda branch: branch.layer.weight.size)
