"""Gradients of operators that look at images through windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.calibrate.backward.adjoint import Adjoint

    Gradients = list[ir.Value | None]


def convolution(a: Adjoint) -> Gradients:
    """A convolution with constant weights, for the image alone.

    Raises:
        LookupError: The weights are computed, or it is not one of images.
    """
    weight = a.array(1)
    if weight is None or weight.ndim != 4:
        raise LookupError("a convolution of another kind")
    pads = _pads(a)
    dilations = a.ints("dilations", [1, 1])
    reach = [d * (k - 1) for d, k in zip(dilations, weight.shape[2:], strict=True)] * 2
    if a.ints("strides", [1, 1]) == [1, 1] and all(np.array(pads) <= reach):
        group = a.node.attributes.get_int("group", 1)
        gradient = a.op(
            "Conv",
            a.dy,
            a.constant(_mirrored(weight, group)),
            dilations=dilations,
            group=group,
            pads=[r - p for r, p in zip(reach, pads, strict=True)],
        )
    else:
        gradient = _transposed(a, pads, reach)
    return [gradient, *[None] * (len(a.node.inputs) - 1)]


def _mirrored(weight: np.ndarray, group: int) -> np.ndarray:
    """Return the kernels that lead from gradients back: turned around, inputs for outputs."""
    outputs, inputs, *kernel = weight.shape
    grouped = weight.reshape(group, outputs // group, inputs, *kernel).swapaxes(1, 2)
    turned = grouped[..., ::-1, ::-1].reshape(group * inputs, outputs // group, *kernel)
    return np.ascontiguousarray(turned)


def _transposed(a: Adjoint, pads: list[int], reach: list[int]) -> ir.Value:
    image, out = a.shape(a.x())[2:], a.shape(a.y)[2:]
    strides = a.ints("strides", [1, 1])
    extra = [
        image[i] + pads[i] + pads[i + 2] - (out[i] - 1) * strides[i] - reach[i] - 1 for i in (0, 1)
    ]
    return a.op(
        "ConvTranspose",
        a.dy,
        a.x(1),
        strides=strides,
        dilations=a.ints("dilations", [1, 1]),
        group=a.node.attributes.get_int("group", 1),
        pads=pads,
        output_padding=extra,
    )


def max_pool(a: Adjoint) -> Gradients:
    """The largest value of each window; several that are equal share its gradient.

    Poolings in a row, as SPPF has them, see little else than equal values.

    Raises:
        LookupError: It is not one of images, or its windows have gaps.
    """
    shape, out = a.shape(a.x()), a.shape(a.y)
    kernel, strides = _window(a)
    if a.ints("dilations", [1, 1]) != [1, 1]:
        raise LookupError("windows with gaps")
    pads = _reaching(shape, out, kernel, strides, _pads(a))
    lowest = a.constant(np.array(-3e38, np.float32))
    padded = a.op("Pad", a.x(), a.whole([0, 0, *pads[:2], 0, 0, *pads[2:]]), lowest)
    channels = shape[0] * shape[1]
    parts = []
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            ends = [row + (out[2] - 1) * strides[0] + 1, column + (out[3] - 1) * strides[1] + 1]
            seen = a.op(
                "Slice",
                padded,
                a.whole([row, column]),
                a.whole(ends),
                a.whole([2, 3]),
                a.whole(strides),
            )
            chosen = a.mask(a.op("Equal", seen, a.y))
            parts.append(a.reshaped(chosen, (channels, 1, *out[2:])))
    joined = a.op("Concat", *parts, axis=1)
    equal = a.op("ReduceSum", joined, a.whole([1]), keepdims=1)
    share = a.op("Div", a.reshaped(a.dy, (channels, 1, *out[2:])), equal)
    return [_laid_back(a, a.op("Mul", joined, share), kernel[0] * kernel[1], pads)]


def average_pool(a: Adjoint) -> Gradients:
    """The mean of each window.

    Raises:
        LookupError: It is not one of images, or windows reach beyond the padding.
    """
    shape, out = a.shape(a.x()), a.shape(a.y)
    kernel, strides = _window(a)
    pads = _pads(a)
    if _reaching(shape, out, kernel, strides, pads) != pads:
        raise LookupError("windows that reach beyond the padding")
    if a.node.attributes.get_int("count_include_pad", 0):
        counts: np.ndarray = np.array(kernel[0] * kernel[1], np.float32)
    else:
        sides = (_covered(shape[2 + i], out[2 + i], kernel[i], strides[i], pads[i]) for i in (0, 1))
        counts = np.outer(*sides).astype(np.float32)
    share = a.op("Div", a.dy, a.constant(counts))
    return [_laid_back(a, a.reshaped(share, (shape[0] * shape[1], 1, *out[2:])), 1, pads)]


def enlarge(a: Adjoint) -> Gradients:
    """An image enlarged by whole factors to the nearest pixel.

    Raises:
        LookupError: It is resized in another way.
    """
    shape, out = a.shape(a.x()), a.shape(a.y)
    nearest = a.node.attributes.get_string("mode", "nearest") == "nearest"
    whole = all(m % n == 0 for n, m in zip(shape, out, strict=True))
    if not nearest or not whole or len(shape) != 4 or shape[:2] != out[:2]:
        raise LookupError("an image resized in another way")
    factors = [out[2] // shape[2], out[3] // shape[3]]
    means = a.op("AveragePool", a.dy, kernel_shape=factors, strides=factors)
    summed = a.op("Mul", means, a.number(factors[0] * factors[1]))
    return [summed, *[None] * (len(a.node.inputs) - 1)]


def _laid_back(a: Adjoint, parts: ir.Value, kernels: int, pads: list[int]) -> ir.Value:
    """Return the windows' gradients added up where they lay in the image.

    Args:
        a: The pooling.
        parts: ``(channels, kernels, h, w)``: one image for each place in a window, or
            ``(channels, 1, h, w)`` where all places have the same.
        kernels: How many places ``parts`` tells apart.
        pads: What the windows saw around the image: top, left, bottom, right.
    """
    shape, out = a.shape(a.x()), a.shape(a.y)
    kernel, strides = _window(a)
    flat = np.eye(kernels) if kernels > 1 else np.ones((1, kernel[0] * kernel[1]))
    weight = flat.reshape(kernels, 1, *kernel).astype(np.float32)
    extra = [
        shape[2 + i] + pads[i] + pads[i + 2] - (out[2 + i] - 1) * strides[i] - kernel[i]
        for i in (0, 1)
    ]
    image = a.op(
        "ConvTranspose",
        parts,
        a.constant(weight),
        strides=strides,
        pads=pads,
        output_padding=extra,
    )
    return a.reshaped(image, shape)


def _window(a: Adjoint) -> tuple[list[int], list[int]]:
    if len(a.shape(a.x())) != 4:
        raise LookupError("windows of something else than images")
    kernel = a.ints("kernel_shape", [])
    return kernel, a.ints("strides", [1] * len(kernel))


def _pads(a: Adjoint) -> list[int]:
    if a.node.attributes.get_string("auto_pad", "NOTSET") not in {"NOTSET", "VALID"}:
        raise LookupError("padding that the runtime chooses")
    return a.ints("pads", [0, 0, 0, 0])


def _reaching(
    shape: tuple[int, ...],
    out: tuple[int, ...],
    kernel: list[int],
    strides: list[int],
    pads: list[int],
) -> list[int]:
    """Return ``pads`` with as much more at the end as the last windows reach beyond it."""
    beyond = [
        max(0, (out[2 + i] - 1) * strides[i] + kernel[i] - shape[2 + i] - pads[i] - pads[2 + i])
        for i in (0, 1)
    ]
    return [*pads[:2], pads[2] + beyond[0], pads[3] + beyond[1]]


def _covered(length: int, windows: int, kernel: int, stride: int, pad: int) -> np.ndarray:
    """Return how many pixels of the image each window along one side covers."""
    starts = np.arange(windows) * stride - pad
    return np.minimum(starts + kernel, length) - np.maximum(starts, 0)
