"""Gradients of operators that work value by value, and of products of matrices."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.calibrate.backward.adjoint import Adjoint

    Gradients = list[ir.Value | None]


def add(a: Adjoint) -> Gradients:
    """``x0 + x1``."""
    return _unbroadcast(a, a.dy, a.dy)


def subtract(a: Adjoint) -> Gradients:
    """``x0 - x1``."""
    return _unbroadcast(a, a.dy, a.op("Neg", a.dy))


def multiply(a: Adjoint) -> Gradients:
    """``x0 * x1``."""
    return _unbroadcast(a, a.op("Mul", a.dy, a.x(1)), a.op("Mul", a.dy, a.x(0)))


def divide(a: Adjoint) -> Gradients:
    """``x0 / x1``."""
    upper = a.op("Div", a.dy, a.x(1))
    return _unbroadcast(a, upper, a.op("Neg", a.op("Mul", upper, a.op("Div", a.x(0), a.x(1)))))


def power(a: Adjoint) -> Gradients:
    """``x0 ** x1`` with a constant scalar exponent.

    Raises:
        LookupError: The exponent is computed, or has several values.
    """
    exponent = a.array(1)
    if exponent is None or exponent.size != 1:
        raise LookupError("a power that is no constant scalar")
    n = float(exponent.reshape(-1)[0])
    slope = a.op("Mul", a.number(n), a.op("Pow", a.x(), a.number(n - 1)))
    return [a.op("Mul", a.dy, slope), None]


def negate(a: Adjoint) -> Gradients:
    """``-x``."""
    return [a.op("Neg", a.dy)]


def absolute(a: Adjoint) -> Gradients:
    """``|x|``."""
    return [a.op("Mul", a.dy, a.op("Sign", a.x()))]


def exponential(a: Adjoint) -> Gradients:
    """``exp(x)``."""
    return [a.op("Mul", a.dy, a.y)]


def logarithm(a: Adjoint) -> Gradients:
    """``log(x)``."""
    return [a.op("Div", a.dy, a.x())]


def root(a: Adjoint) -> Gradients:
    """``sqrt(x)``."""
    return [a.op("Div", a.op("Mul", a.dy, a.number(0.5)), a.y)]


def error_function(a: Adjoint) -> Gradients:
    """``erf(x)``."""
    bell = a.op("Exp", a.op("Neg", a.op("Mul", a.x(), a.x())))
    return [a.op("Mul", a.dy, a.op("Mul", a.number(2 / sqrt(pi)), bell))]


def sigmoid(a: Adjoint) -> Gradients:
    """``1 / (1 + exp(-x))``."""
    slope = a.op("Mul", a.y, a.op("Sub", a.number(1), a.y))
    return [a.op("Mul", a.dy, slope)]


def hyperbolic_tangent(a: Adjoint) -> Gradients:
    """``tanh(x)``."""
    return [a.op("Mul", a.dy, a.op("Sub", a.number(1), a.op("Mul", a.y, a.y)))]


def softplus(a: Adjoint) -> Gradients:
    """``log(1 + exp(x))``."""
    return [a.op("Mul", a.dy, a.op("Sigmoid", a.x()))]


def relu(a: Adjoint) -> Gradients:
    """``max(x, 0)``."""
    return [a.op("Mul", a.dy, a.mask(a.op("Greater", a.x(), a.number(0))))]


def leaky_relu(a: Adjoint) -> Gradients:
    """``x`` or, below zero, a share of it."""
    alpha = a.node.attributes.get_float("alpha", 0.01)
    leaked = a.op("Mul", a.dy, a.number(alpha))
    return [a.op("Where", a.op("Less", a.x(), a.number(0)), leaked, a.dy)]


def parametric_relu(a: Adjoint) -> Gradients:
    """``x`` or, below zero, a share of it that depends on the channel."""
    leaked = a.op("Mul", a.dy, a.x(1))
    return [a.op("Where", a.op("Less", a.x(), a.number(0)), leaked, a.dy), None]


def clip(a: Adjoint) -> Gradients:
    """``min(max(x, low), high)``."""
    gradient = a.dy
    for index, comparison in ((1, "Greater"), (2, "Less")):
        if a.has(index):
            inside = a.op(comparison, a.x(), a.x(index))
            gradient = a.op("Mul", gradient, a.mask(inside))
    return [gradient, None, None][: len(a.node.inputs)]


def hard_sigmoid(a: Adjoint) -> Gradients:
    """``min(max(alpha x + beta, 0), 1)``."""
    alpha = a.node.attributes.get_float("alpha", 0.2)
    above, below = a.op("Greater", a.y, a.number(0)), a.op("Less", a.y, a.number(1))
    slope = a.op("Mul", a.mask(a.op("And", above, below)), a.number(alpha))
    return [a.op("Mul", a.dy, slope)]


def hard_swish(a: Adjoint) -> Gradients:
    """``x * min(max(x / 6 + 1/2, 0), 1)``."""
    sloped = a.op("Add", a.op("Div", a.x(), a.number(3)), a.number(0.5))
    above = a.mask(a.op("GreaterOrEqual", a.x(), a.number(3)))
    between = a.mask(a.op("Less", a.op("Abs", a.x()), a.number(3)))
    slope = a.op("Add", above, a.op("Mul", between, sloped))
    return [a.op("Mul", a.dy, slope)]


def cast(a: Adjoint) -> Gradients:
    """A change of type; only from float to float is there a gradient.

    Raises:
        LookupError: The input is of another type.
    """
    if a.x().dtype != a.y.dtype:
        raise LookupError("a change of type")
    return [a.dy]


def softmax(a: Adjoint) -> Gradients:
    """Shares along one axis that sum to 1."""
    axis = a.node.attributes.get_int("axis", -1)
    weighted = a.op("Mul", a.dy, a.y)
    total = a.op("ReduceSum", weighted, a.whole([axis]), keepdims=1)
    return [a.op("Mul", a.y, a.op("Sub", a.dy, total))]


def batch_normalization(a: Adjoint) -> Gradients:
    """Channels scaled and shifted by constants.

    Raises:
        LookupError: The constants are computed.
    """
    scale, variance = a.array(1), a.array(4)
    if scale is None or variance is None:
        raise LookupError("statistics that are no constants")
    epsilon = a.node.attributes.get_float("epsilon", 1e-5)
    factor = scale / np.sqrt(variance + epsilon)  # type: ignore[operator]
    shape = (-1,) + (1,) * (len(a.shape(a.x())) - 2)
    return [a.op("Mul", a.dy, a.constant(factor.astype(np.float32).reshape(shape))), *[None] * 4]


def matrix_product(a: Adjoint) -> Gradients:
    """``x0 @ x1``, batches broadcast.

    Raises:
        LookupError: One of them is a vector.
    """
    left, right = a.shape(a.x(0)), a.shape(a.x(1))
    if min(len(left), len(right)) < 2:
        raise LookupError("a product with a vector")
    turned_left, turned_right = _turned(a, a.x(0), len(left)), _turned(a, a.x(1), len(right))
    to_left, to_right = a.op("MatMul", a.dy, turned_right), a.op("MatMul", turned_left, a.dy)
    batches = a.shape(a.y)[:-2]
    return [
        a.summed_to(to_left, (*batches, *left[-2:]), a.x(0)),
        a.summed_to(to_right, (*batches, *right[-2:]), a.x(1)),
    ]


def affine(a: Adjoint) -> Gradients:
    """``alpha x0 x1 + beta x2``, for the first input alone.

    Raises:
        LookupError: The first input is transposed.
    """
    if a.node.attributes.get_int("transA", 0):
        raise LookupError("a transposed first input")
    alpha = a.node.attributes.get_float("alpha", 1.0)
    turned = 1 - a.node.attributes.get_int("transB", 0)
    gradient = a.op("Gemm", a.dy, a.x(1), alpha=alpha, transB=turned)
    return [gradient, *[None] * (len(a.node.inputs) - 1)]


def _turned(a: Adjoint, value: ir.Value, rank: int) -> ir.Value:
    return a.op("Transpose", value, perm=[*range(rank - 2), rank - 1, rank - 2])


def _unbroadcast(a: Adjoint, first: ir.Value, second: ir.Value) -> Gradients:
    shape = a.shape(a.y)
    return [a.summed_to(first, shape, a.x(0)), a.summed_to(second, shape, a.x(1))]
