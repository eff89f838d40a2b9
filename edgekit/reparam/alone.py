"""Batch normalizations that no layer could take in, as convolutions of one pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.reparam.branches import branch_obstacle, branch_of, write_branch
from edgekit.reparam.rules import Refused, Rewrite, RewriteRule, rewritten, take_over

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.reparam.rules import Rewrites
    from edgekit.values import Graph


def normalizations_as_convolutions(graph: Graph) -> Rewrites:
    """Return ``graph`` with each batch normalization of images as a depthwise 1x1 convolution.

    It is the same work, and runtimes quantize convolutions. For what is left when every other
    rewrite has come to rest: a layer takes a normalization in for free.

    Source:
        Ding et al., "RepVGG" (CVPR 2021), section 3.3: the identity branch.
    """
    return rewritten(graph, NormalizationsAsConvolutions())


class NormalizationsAsConvolutions(RewriteRule):
    """The pass behind ``normalizations_as_convolutions``."""

    def rewrite(self, node: ir.Node) -> Rewrite | Refused | None:
        """Write ``node`` as a Conv of the same name."""
        if node.op_type != "BatchNormalization":
            return None
        reason = branch_obstacle(node)
        if reason is not None:
            return Refused(str(node.name), reason)
        branch, value = branch_of(node), node.outputs[0]
        take_over(write_branch(branch, node, "alone"), value)
        name, source = str(node.name), str(branch.source.name)
        rule = "a batch normalization on its own"
        return Rewrite(rule, name, (name,), source, str(value.name))
