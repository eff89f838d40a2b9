"""Convolutions in a row as one: a 1x1 beside another, and what spreads an image to channels."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from edgekit.reparam.branches import branch_obstacle, branch_of, write_branch
from edgekit.reparam.focus import focus_of
from edgekit.reparam.joins import chain_obstacle, chained, chained_macs
from edgekit.reparam.rules import (
    Refused,
    Rewrite,
    RewriteRule,
    only_reader,
    remove_unread,
    rewritten,
    take_over,
)

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.reparam.branches import Branch
    from edgekit.reparam.rules import Rewrites
    from edgekit.values import Graph


def join_sequences(graph: Graph) -> Rewrites:
    """Return ``graph`` with two convolutions in a row as one, where one is 1x1 and it pays.

    Nothing lies between them and nothing else reads what does. A 1x1 with a bias before a Conv
    that pads is not the same at the border. What would take more multiply-accumulates than both,
    or hold more weights, stays too. That is told but for two of different groups, such as a
    depthwise kernel and a dense 1x1: those are two because that is less work. The blocks of an
    image spread to channels (Focus, space to depth) are a convolution as well, and joined with
    the one behind.

    Source:
        Ding et al., "Diverse Branch Block" (CVPR 2021), transform III; YOLOv5's release 6.0 for
        Focus as a 6x6 convolution.
    """
    return rewritten(graph, JoinSequences())


class JoinSequences(RewriteRule):
    """The pass behind ``join_sequences``."""

    def rewrite(self, node: ir.Node) -> Rewrite | Refused | None:
        """Join ``node`` with the Conv, or the spreading of blocks, before it."""
        value = node.inputs[0] if node.op_type == "Conv" else None
        before = None if value is None else value.producer()
        if value is None or before is None or only_reader(value) is not node:
            return None
        first = focus_of(before)
        if first is None and (before.op_type != "Conv" or not (_is_1x1(before) or _is_1x1(node))):
            return None
        reason = branch_obstacle(node) or (None if first else branch_obstacle(before))
        if reason is not None:
            return Refused(str(node.name), reason)
        return _joined(first or branch_of(before), node)


def _joined(first: Branch, node: ir.Node) -> Rewrite | Refused | None:
    second = branch_of(node)
    dearer = _work_obstacle(first, second)
    if dearer is not None and first.groups != second.groups:
        return None
    reason = chain_obstacle(first, second) or dearer
    if reason is not None:
        return Refused(second.name, reason)
    both, value = chained(first, second), str(node.outputs[0].name)
    take_over(write_branch(both, node, "joined"), node.outputs[0])
    remove_unread(first.nodes)
    gone = tuple(str(n.name) for n in both.nodes if n is not both.conv)
    rule = "a 1x1 convolution beside another" if first.conv else "blocks spread to channels"
    return Rewrite(rule, both.name, gone, str(both.source.name), value)


def _work_obstacle(first: Branch, second: Branch) -> str | None:
    """Return why one Conv would be more work than the two, or hold more weights, or ``None``."""
    apart, joined = first.macs + second.macs, chained_macs(first, second)
    if joined > apart:
        return (
            f"in one convolution with '{first.name}' it would take {joined} "
            f"multiply-accumulates, apart they take {apart}"
        )
    held = sum(b.layer.weight.size for b in (first, second) if b.conv is not None)
    needed = joined // prod(second.shape[1:])
    if needed > held:
        return (
            f"one convolution with '{first.name}' would hold {needed} weights, apart they hold "
            f"{held}"
        )
    return None


def _is_1x1(conv: ir.Node) -> bool:
    shape = None if conv.inputs[1] is None else conv.inputs[1].shape
    return shape is not None and shape.is_static() and set(shape.numpy()[2:]) == {1}
