"""Which operators gradients are known of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.calibrate.backward import elementwise, layout, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir

    from edgekit.calibrate.backward.adjoint import Adjoint

RULES: Mapping[str, Callable[[Adjoint], list[ir.Value | None]]] = {
    "Abs": elementwise.absolute,
    "Add": elementwise.add,
    "AveragePool": windows.average_pool,
    "BatchNormalization": elementwise.batch_normalization,
    "Cast": elementwise.cast,
    "Clip": elementwise.clip,
    "Concat": layout.concat,
    "Conv": windows.convolution,
    "DepthToSpace": layout.depth_to_space,
    "Div": elementwise.divide,
    "Erf": elementwise.error_function,
    "Exp": elementwise.exponential,
    "Expand": layout.expand,
    "Flatten": layout.reshape,
    "Gemm": elementwise.affine,
    "GlobalAveragePool": layout.mean,
    "HardSigmoid": elementwise.hard_sigmoid,
    "HardSwish": elementwise.hard_swish,
    "LeakyRelu": elementwise.leaky_relu,
    "Log": elementwise.logarithm,
    "MatMul": elementwise.matrix_product,
    "MaxPool": windows.max_pool,
    "Mul": elementwise.multiply,
    "Neg": elementwise.negate,
    "PRelu": elementwise.parametric_relu,
    "Pad": layout.pad,
    "Pow": elementwise.power,
    "ReduceMean": layout.mean,
    "ReduceSum": layout.total,
    "Relu": elementwise.relu,
    "Reshape": layout.reshape,
    "Resize": windows.enlarge,
    "Sigmoid": elementwise.sigmoid,
    "Slice": layout.take_slice,
    "Softmax": elementwise.softmax,
    "Softplus": elementwise.softplus,
    "SpaceToDepth": layout.space_to_depth,
    "Split": layout.split,
    "Sqrt": elementwise.root,
    "Squeeze": layout.reshape,
    "Sub": elementwise.subtract,
    "Tanh": elementwise.hyperbolic_tangent,
    "Transpose": layout.transpose,
    "Unsqueeze": layout.reshape,
}
"""By operator: from a node and the gradients of its outputs to those of its inputs, in order.

``None`` stands for an input that is a constant. ``LookupError``: not known for this node.
"""
