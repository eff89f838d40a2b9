"""Linear nodes over an image, each as a convolution.

A branch is one or several of them: Conv, AveragePool, a batch normalization, the image as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.reparam.algebra import average_branch, batchnorm_branch, identity_branch
from edgekit.reparam.layers import (
    batchnorm_obstacle,
    batchnorm_of,
    initializer,
    linear_of,
    weight_obstacle,
)
from edgekit.reparam.taps import Taps, taps_of

if TYPE_CHECKING:
    from edgekit.reparam.algebra import Linear

BRANCH_OPS = frozenset({"Conv", "BatchNormalization", "AveragePool"})


@dataclass(frozen=True, eq=False)
class Branch:
    """Something linear over an image, as a convolution of it.

    Attributes:
        name: Of the largest Conv among its nodes; else of its node; else of the image.
        source: The image.
        nodes: Those it does the work of; none where it is the image as it is.
        conv: The largest Conv among them; ``None`` where there is none.
        leaves: The terms of a sum that it stands for.
        layer: Kernel ``(out, in / groups, kh, kw)`` and bias ``(out,)``.
        groups: Of the convolution.
        rows: Where the kernel reads along the height.
        cols: Where it reads along the width.
        macs: Multiply-accumulates that its nodes take, all outputs together; an identity's are
            its additions.
    """

    name: str
    source: ir.Value
    nodes: tuple[ir.Node, ...]
    conv: ir.Node | None
    leaves: tuple[ir.Value, ...]
    layer: Linear
    groups: int
    rows: Taps
    cols: Taps
    macs: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns of what it gives."""
        return len(self.layer.bias), self.rows.outputs, self.cols.outputs

    @property
    def strides(self) -> tuple[int, int]:
        """From one output to the next, in rows and in columns."""
        return self.rows.stride, self.cols.stride


def branch_obstacle(node: ir.Node) -> str | None:
    """Return why a node of ``BRANCH_OPS`` is no convolution of what it reads, or ``None``."""
    source = node.inputs[0]
    if source is None or not is_image(source):
        return f"its input '{source and source.name}' is no image of a known size"
    if node.op_type == "BatchNormalization":
        return batchnorm_obstacle(node)
    if node.op_type == "Conv":
        return weight_obstacle(node)
    if node.attributes.get_int("ceil_mode", 0):
        return "it rounds its size up, and its last window reaches out of the image"
    padded = any(taps.padded for taps in _taps(node, _pool_kernel(node)))
    if padded and not node.attributes.get_int("count_include_pad", 0):
        return "it averages over fewer pixels at the border than inside"
    return None


def branch_of(node: ir.Node) -> Branch:
    """Return the branch that a node of ``BRANCH_OPS`` is; nothing stands against it."""
    source = node.inputs[0]
    assert source is not None
    layer, groups = _kernel(node)
    rows, cols = _taps(node, layer.weight.shape[2:])
    return Branch(
        name=str(node.name),
        source=source,
        nodes=(node,),
        conv=node if node.op_type == "Conv" else None,
        leaves=(node.outputs[0],),
        layer=layer,
        groups=groups,
        rows=rows,
        cols=cols,
        macs=layer.weight.size * rows.outputs * cols.outputs,
    )


def identity_of(source: ir.Value) -> Branch:
    """Return the branch that an image of known size is itself."""
    channels, *sizes = image_shape(source)
    rows, cols = (Taps(1, size) for size in sizes)
    layer, macs = identity_branch(channels), prod((channels, *sizes))
    name = str(source.name)
    return Branch(name, source, (), None, (source,), layer, channels, rows, cols, macs)


def write_branch(branch: Branch, before: ir.Node, origin: str) -> ir.Value:
    """Return what a new Conv, put in front of the node ``before``, gives: all of ``branch``.

    The Conv is called as ``branch`` is, its weights after that and ``origin``, the rewrite they
    come from. The nodes of ``branch`` are to go.
    """
    graph, dtype = before.graph, branch.source.dtype
    assert isinstance(graph, ir.Graph)
    assert dtype is not None
    weights = [
        initializer(graph, f"{branch.name}.{role}.{origin}", array, dtype)
        for role, array in (("weight", branch.layer.weight), ("bias", branch.layer.bias))
    ]
    rows, cols = branch.rows, branch.cols
    attributes: dict[str, int | tuple[int, ...]] = {
        "group": branch.groups,
        "kernel_shape": (rows.count, cols.count),
        "dilations": (max(rows.step, 1), max(cols.step, 1)),
        "pads": (-rows.first, -cols.first, rows.after, cols.after),
        "strides": branch.strides,
    }
    node = ir.node("Conv", [branch.source, *weights], attributes, name=branch.name)
    graph.insert_before(before, node)
    value = node.outputs[0]
    value.name, value.type = f"{branch.name}.{origin}", branch.source.type
    value.shape = ir.Shape((image_batch(branch.source), *branch.shape))
    return value


def is_image(value: ir.Value) -> bool:
    """Return whether ``value`` is ``(N, C, H, W)`` of a known size."""
    return value.shape is not None and value.shape.rank() == 4 and value.shape.is_static()


def image_shape(value: ir.Value) -> tuple[int, int, int]:
    """Return ``(C, H, W)`` of an image."""
    assert value.shape is not None
    _, channels, height, width = value.shape.numpy()
    return channels, height, width


def image_batch(value: ir.Value) -> int:
    """Return how many images ``value`` holds."""
    assert value.shape is not None
    return int(value.shape.numpy()[0])


def _kernel(node: ir.Node) -> tuple[Linear, int]:
    """Return the kernel of a node of ``BRANCH_OPS``, and its number of groups."""
    if node.op_type == "BatchNormalization":
        bn = batchnorm_of(node)
        assert bn is not None
        return batchnorm_branch(bn), len(bn.gamma)
    if node.op_type == "AveragePool":
        assert node.inputs[0] is not None
        channels = image_shape(node.inputs[0])[0]
        return average_branch(channels, _pool_kernel(node)), channels
    layer = linear_of(node)
    assert layer is not None
    return layer, node.attributes.get_int("group", 1)


def _pool_kernel(node: ir.Node) -> tuple[int, int]:
    height, width = node.attributes.get_ints("kernel_shape", (1, 1))
    return height, width


def _taps(node: ir.Node, kernel: tuple[int, ...]) -> tuple[Taps, Taps]:
    """Return where a node of ``BRANCH_OPS`` reads along the height and the width."""
    assert node.inputs[0] is not None
    height, width = image_shape(node.inputs[0])[1:]
    return taps_of(node, 0, kernel[0], height), taps_of(node, 1, kernel[1], width)
