"""Nodes whose operator older opsets have too, spelled differently: one rule for each operator."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Respelling = Callable[[ir.Node, int], str | None]

_NEW_RESIZE = ("antialias", "axes", "keep_aspect_ratio_policy")
_GRID_MODES = {"linear": "bilinear", "cubic": "bicubic"}
_QUANTIZED = (ir.DataType.UINT8, ir.DataType.INT8)


def respell(node: ir.Node, opset: int) -> str | None:
    """Write ``node`` as ``opset`` has its operator; return why that cannot be, or ``None``.

    Operators that no rule is for are left as they are.
    """
    rule = _RULES.get(node.op_type)
    return None if rule is None else rule(node, opset)


def _reduce(node: ir.Node, opset: int) -> str | None:
    """Give the axes as an attribute."""
    if opset >= 18:
        return None
    axes = _constant(node, 1)
    if axes is None and _input(node, 1) is not None:
        return "its axes are computed"
    keeps = node.attributes.get_int("noop_with_empty_axes", 0)
    if keeps and (axes is None or not axes.size):
        return "it reduces nothing (noop_with_empty_axes)"
    node.attributes.pop("noop_with_empty_axes", None)
    node.resize_inputs(1)
    if axes is not None and axes.size:
        _set_ints(node, "axes", axes)
    return None


def _split(node: ir.Node, opset: int) -> str | None:
    """Give the length of each part."""
    parts = node.attributes.get_int("num_outputs", 0)
    if opset >= 18 or not parts:
        return None
    axis = node.attributes.get_int("axis", 0)
    length = _length(node.inputs[0], axis)
    if length is None:
        return f"the length of its input along axis {axis} is not known"
    part = ceil(length / parts)
    lengths = np.diff(np.minimum(np.arange(parts + 1) * part, length))
    node.attributes.pop("num_outputs")
    _set_input(node, 1, "split", lengths.astype(np.int64))
    return None


def _pad(node: ir.Node, opset: int) -> str | None:
    """Give the padding of every axis."""
    if opset < 19 and node.attributes.get_string("mode", "constant") == "wrap":
        return f"opset {opset} has no padding of mode 'wrap'"
    if opset >= 18 or _input(node, 3) is None:
        return None
    axes, pads, rank = _constant(node, 3), _constant(node, 1), _rank(node.inputs[0])
    if axes is None or pads is None or rank is None:
        return "its axes or its padding are computed"
    whole = np.zeros((2, rank), np.int64)
    whole[:, axes] = pads.reshape(2, -1)
    node.resize_inputs(3)
    _set_input(node, 1, "pads", whole.reshape(-1))
    return None


def _resize(node: ir.Node, opset: int) -> str | None:
    """Give the scale or size of every axis, and leave out what changes nothing."""
    modes = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if opset < 19 and modes == "half_pixel_symmetric":
        return f"opset {opset} has no coordinates of mode 'half_pixel_symmetric'"
    if opset >= 18:
        return None
    reason = _resize_obstacle(node) or _resize_whole(node)
    if reason is None:
        for attribute in _NEW_RESIZE:
            node.attributes.pop(attribute, None)
    return reason


def _resize_obstacle(node: ir.Node) -> str | None:
    """Return which new attribute of a Resize changes what it computes, or ``None``."""
    scales = _constant(node, 2)
    policy = node.attributes.get_string("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        return f"keep_aspect_ratio_policy is '{policy}'"
    larger = scales is not None and scales.size > 0 and scales.min() >= 1
    if node.attributes.get_int("antialias", 0) and not larger:
        return "antialias is on, and makes a difference where an image gets smaller"
    if node.attributes.get("axes") is not None and _input(node, 1) is not None:
        return "it has both a region of interest and axes"
    return None


def _resize_whole(node: ir.Node) -> str | None:
    """Spell the scales or sizes of a Resize for all axes; return why not, or ``None``."""
    axes = node.attributes.get_ints("axes", [])
    if not axes:
        return None
    index, role = (2, "scales") if _input(node, 3) is None else (3, "sizes")
    given, source = _constant(node, index), node.inputs[0]
    shape = None if source is None else source.shape
    if given is None or shape is None or not shape.is_static():
        return f"its {role} are computed, or the shape of its input is not known"
    whole = np.ones(len(shape), given.dtype) if role == "scales" else np.array(shape, given.dtype)
    whole[list(axes)] = given
    _set_input(node, index, role, whole)
    return None


def _reshape(node: ir.Node, opset: int) -> str | None:
    """Leave out what a zero in the new shape would mean, where there is none."""
    shape = _constant(node, 1)
    if opset < 14 and shape is not None and np.all(shape != 0):
        node.attributes.pop("allowzero", None)
    return None


def _cast_like(node: ir.Node, opset: int) -> str | None:
    """Name the type."""
    like = node.inputs[1]
    if opset >= 15:
        return None
    if like is None or like.dtype is None:
        return "the type it casts to is not known"
    node.op_type = "Cast"
    node.resize_inputs(1)
    node.attributes["to"] = ir.AttrInt64("to", like.dtype.value)
    return None


def _shape(node: ir.Node, opset: int) -> str | None:
    """Leave out a slice of everything."""
    rank = _rank(node.inputs[0])
    if opset < 15 and rank is not None and node.attributes.get_int("end", rank) >= rank:
        node.attributes.pop("end", None)
    return None


def _average_pool(node: ir.Node, opset: int) -> str | None:
    if opset < 19 and set(node.attributes.get_ints("dilations", [])) == {1}:
        node.attributes.pop("dilations")
    return None


def _grid_sample(node: ir.Node, opset: int) -> str | None:
    """Give the interpolation its older name."""
    if opset >= 20 or opset < 16:
        return None
    if _rank(node.inputs[0]) != 4:
        return f"opset {opset} samples only images, of four dimensions"
    mode = node.attributes.get_string("mode", "linear")
    node.attributes["mode"] = ir.AttrString("mode", _GRID_MODES.get(mode, mode))
    return None


def _scatter(node: ir.Node, opset: int) -> str | None:
    reduction = node.attributes.get_string("reduction", "none")
    known = opset >= 18 or reduction not in {"min", "max"}
    return None if known else f"opset {opset} has no reduction '{reduction}'"


def _quantize(node: ir.Node, opset: int) -> str | None:
    """Say the type of the integers by a zero point."""
    dtype = ir.DataType(node.attributes.get_int("output_dtype", 0))
    if opset >= 21 or dtype == ir.DataType.UNDEFINED:
        return None
    if _input(node, 2) is None:
        scale = _constant(node, 1)
        if scale is None or dtype not in _QUANTIZED:
            return f"it gives {dtype} without a zero point"
        _set_input(node, 2, "zero_point", np.zeros(scale.shape, dtype.numpy()))
    node.attributes.pop("output_dtype")
    return None


def _dequantize(node: ir.Node, opset: int) -> str | None:
    """Leave out the type of the result where it is that of the scale."""
    dtype, scale = node.attributes.get_int("output_dtype", 0), node.inputs[1]
    if opset < 23 and scale is not None and scale.dtype == dtype:
        node.attributes.pop("output_dtype", None)
    return None


_REDUCTIONS = ("Max", "Mean", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
_RULES: dict[str, Respelling] = {
    **dict.fromkeys((f"Reduce{name}" for name in _REDUCTIONS), _reduce),
    "AveragePool": _average_pool,
    "CastLike": _cast_like,
    "DequantizeLinear": _dequantize,
    "GridSample": _grid_sample,
    "Pad": _pad,
    "QuantizeLinear": _quantize,
    "Reshape": _reshape,
    "Resize": _resize,
    "ScatterElements": _scatter,
    "ScatterND": _scatter,
    "Shape": _shape,
    "Split": _split,
}


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _constant(node: ir.Node, index: int) -> NDArray[np.generic] | None:
    value = _input(node, index)
    tensor = None if value is None else ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def _rank(value: ir.Value | None) -> int | None:
    return None if value is None or value.shape is None else value.shape.rank()


def _length(value: ir.Value | None, axis: int) -> int | None:
    size = None if value is None or value.shape is None else value.shape[axis]
    return size if isinstance(size, int) else None


def _set_ints(node: ir.Node, name: str, numbers: NDArray[np.generic]) -> None:
    node.attributes[name] = ir.AttrInt64s(name, [int(n) for n in numbers.reshape(-1)])


def _set_input(node: ir.Node, index: int, role: str, array: NDArray[np.generic]) -> None:
    """Give ``node`` a constant of its own."""
    assert isinstance(node.graph, ir.Graph)
    name = f"{node.name}.{role}.older"
    value = ir.val(name, const_value=ir.tensor(array, name=name))
    node.graph.register_initializer(value)
    node.resize_inputs(max(len(node.inputs), index + 1))
    node.replace_input_with(index, value)
