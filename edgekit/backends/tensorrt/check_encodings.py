"""Quantize and dequantize nodes that TensorRT rejects, misreads, or cannot make use of.

Source:
    What the parser of TensorRT-RTX 1.7 said to such files, one by one; NVIDIA's "Working with
    Quantized Types".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.backends.tensorrt.finding import (
    DEQUANTIZE,
    LAYERS,
    QUANTIZE,
    Finding,
    array_of,
    input_of,
    maker,
    named,
    scale_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx_ir as ir

REQUANTIZE = (
    "Quantize the float network again with edgekit, or symmetrically, in signed 8 bits and QDQ "
    "format, with the tool that made this file."
)
STRONGLY_TYPED = (10, 12)  # the first that edgekit gives such files
_PAIR = frozenset({QUANTIZE, DEQUANTIZE})
KEEP_BIAS = "Leave biases in float: TensorRT adds them in 32 bits by itself."


def check_encodings(nodes: Sequence[ir.Node]) -> Iterator[Finding]:
    """Yield what is wrong with quantize and dequantize nodes, and with what layers read of them."""
    for node in nodes:
        if node.op_type in _PAIR:
            wrong_type = _type_of_integers(node)
            if wrong_type is None:
                yield from _zero_point(node)
            else:
                yield wrong_type
            yield from _scales(node)
        if node.op_type in LAYERS:
            yield from _weight(node)


def check_types(nodes: Sequence[ir.Node], version: tuple[int, int]) -> Iterator[Finding]:
    """Yield where the scales say another type of the floats than ``version`` makes use of."""
    scales = (array_of(input_of(node, 1)) for node in nodes if node.op_type in _PAIR)
    types = {scale.dtype for scale in scales if scale is not None}
    strong = version >= STRONGLY_TYPED
    if strong and types == {np.dtype(np.float32)}:
        yield Finding(
            "warning",
            "the network",
            "scales in float16: TensorRT runs what is not in integers in the types of the file",
            "scales in float32, so that all of it runs in 32 bits",
            "Give it the strongly typed file.",
        )
    if not strong and np.dtype(np.float16) in types:
        yield Finding(
            "error",
            "the network",
            "scales in float32: up to 10.11 TensorRT chooses 16 bits itself",
            "scales in float16",
            "Give it the weakly typed file.",
        )


def _error(node: ir.Node, expected: str, found: str, advice: str = REQUANTIZE) -> Finding:
    return Finding("error", named(node), expected, found, advice)


def _warning(node: ir.Node, expected: str, found: str, advice: str = REQUANTIZE) -> Finding:
    return Finding("warning", named(node), expected, found, advice)


def _type_of_integers(node: ir.Node) -> Finding | None:
    """Return what is wrong with the type of the integers of ``node``."""
    found = _integer_type(node)
    if found is None or found == np.int8:
        return None
    expected = "signed 8-bit integers"
    if found == np.int32:
        return _error(node, expected, "32-bit ones, as biases have", KEEP_BIAS)
    if found == np.uint8:
        missing = array_of(input_of(node, 2)) is None
        how = "no zero point, which means unsigned ones" if missing else "unsigned ones"
        return _error(
            node,
            expected,
            f"{how}; TensorRT reads them as signed, and cuts off all beyond 127 steps",
        )
    return _error(node, expected, f"{found}")


def _integer_type(node: ir.Node) -> np.dtype[np.generic] | None:
    """Return the type of the integers of ``node``; ``None`` where nothing tells."""
    zero = array_of(input_of(node, 2))
    if zero is not None:
        return zero.dtype
    if node.op_type == QUANTIZE:
        chosen = node.attributes.get("output_dtype")
        known = node.outputs[0].dtype if chosen is not None else None
        if chosen is not None:
            return np.dtype(known.numpy()) if known is not None else None
        return np.dtype(np.uint8) if input_of(node, 2) is None else None
    read = input_of(node, 0)
    stored = array_of(read)
    if stored is not None:
        return stored.dtype
    known = None if read is None else read.dtype
    return None if known is None else np.dtype(known.numpy())


def _zero_point(node: ir.Node) -> Iterator[Finding]:
    value = input_of(node, 2)
    zero = array_of(value)
    if zero is not None and zero.any():
        shown = ", ".join(str(number) for number in np.unique(zero)[:3])
        yield _error(node, "zero at the integer 0", f"it at {shown}")
    if zero is None and value is not None:
        yield _error(node, "a zero point that is a constant", "one that is computed")


def _scales(node: ir.Node) -> Iterator[Finding]:
    scales = scale_of(node)
    if scales is None:
        yield _error(node, "a scale that is a constant", "one that is computed")
        return
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        yield _error(node, "scales above zero", f"{scales.min():g} among them")
    if scales.size > 1 and not _of_constant(node):
        found = f"{scales.size}, one per channel"
        yield _error(node, "one scale for a value that is computed", found)


def _of_constant(node: ir.Node) -> bool:
    """Return whether ``node`` rounds, or gives back, a weight."""
    read = input_of(node, 0)
    quantize = maker(read, QUANTIZE)
    return array_of(input_of(quantize, 0) if quantize is not None else read) is not None


def _weight(node: ir.Node) -> Iterator[Finding]:
    dequantizes = [maker(input_of(node, position), DEQUANTIZE) for position in (0, 1)]
    read, weight = dequantizes
    constant = array_of(input_of(node, 1)) is not None
    if read is not None and weight is None and constant:
        yield _warning(
            node,
            "Q/DQ on its weight as on what it reads",
            "a float weight, so that it runs in float and the integers before it are lost time",
        )
    if weight is None or not _of_constant(weight):
        return
    if read is None:
        yield _warning(
            node,
            "Q/DQ on what it reads as on its weight",
            "floats, so that it runs in float with a rounded weight",
        )
    yield from _weight_scales(node, weight)


def _weight_scales(node: ir.Node, weight: ir.Node) -> Iterator[Finding]:
    scales, shape = scale_of(weight), _shape_of_weight(weight)
    if scales is None or len(shape) < 2:
        return
    axis = _output_axis(node, len(shape))
    if scales.size == 1 and shape[axis] > 1:
        yield _warning(
            weight, "a scale for each output channel", "one for the whole weight, which loses more"
        )
    elif scales.size > 1:
        given = weight.attributes.get_int("axis", 1) % len(shape)
        if given != axis:
            yield _error(
                weight,
                f"scales along axis {axis}, the output channels of a {node.op_type}",
                f"them along axis {given}",
            )


def _shape_of_weight(weight: ir.Node) -> tuple[int, ...]:
    read = input_of(weight, 0)
    quantize = maker(read, QUANTIZE)
    numbers = array_of(input_of(quantize, 0) if quantize is not None else read)
    return () if numbers is None else numbers.shape


def _output_axis(node: ir.Node, rank: int) -> int:
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1
    if node.op_type == "Gemm":
        return 0 if node.attributes.get_int("transB", 0) else 1
    return rank - 1
