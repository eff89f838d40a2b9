"""Networks in float64, run from the definition of each operator: for proofs, not for speed.

Every operator but four is ONNX's own reference implementation; those four, which it computes by
loops or not at all at this size, are torch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from edgekit.graphs import graph_from_model
from edgekit.values import TensorInfo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from edgekit.values import Graph

FLOAT, DOUBLE = ir.DataType.FLOAT, ir.DataType.DOUBLE


def in_float64(graph: Graph) -> Graph:
    """Return ``graph`` with every float32 number, weights included, in float64."""
    model = graph.model.clone()
    for value in model.graph.initializers.values():
        if value.dtype == FLOAT:
            array = value.const_value.numpy().astype(np.float64)
            value.const_value = ir.tensor(array, name=value.name)
            value.type = ir.TensorType(DOUBLE)
    computed = (value for node in model.graph for value in node.outputs)
    for value in (*model.graph.inputs, *computed):
        if value.dtype == FLOAT:
            value.type = ir.TensorType(DOUBLE)
    for node in model.graph:
        if node.op_type == "Cast" and node.attributes.get_int("to") == FLOAT:
            node.attributes["to"] = ir.AttrInt64("to", DOUBLE.value)
    return graph_from_model(model, parent=graph.sha256)


@dataclass(frozen=True)
class Float64Runtime:
    """Opens graphs that ``in_float64`` made; a ``Backend``."""

    @property
    def name(self) -> str:
        """``float64``."""
        return "float64"

    def open(self, model: bytes | Path) -> Float64Session:
        """Return a session on a serialized model or a model file."""
        proto = onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(model)
        return Float64Session(proto)


class Float64Session:
    """A network opened in float64."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._evaluator = ReferenceEvaluator(
            proto, new_ops=[Conv, ConvTranspose, MaxPool, GatherElements]
        )
        self.inputs = tuple(_info(value) for value in proto.graph.input)
        self.outputs = tuple(_info(value) for value in proto.graph.output)

    def run(self, feeds: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Return every output by name; inputs are widened to float64."""
        wide = {name: array.astype(np.float64) for name, array in feeds.items()}
        with np.errstate(over="ignore", invalid="ignore"):  # both sides of a sigmoid are computed
            values = self._evaluator.run(None, wide)
        return dict(zip(self._evaluator.output_names, values, strict=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is nothing to free."""


class Conv(OpRun):  # type: ignore[misc]
    """torch's convolution."""

    def _run(self, x: Any, weight: Any, bias: Any = None, **attributes: Any) -> tuple[Any]:
        from torch.nn import functional

        image = functional.pad(_torch(x), _sides(attributes))
        given = None if bias is None else _torch(bias)
        strides, dilations = (tuple(attributes[k] or (1, 1)) for k in ("strides", "dilations"))
        group = attributes["group"] or 1
        found = functional.conv2d(image, _torch(weight), given, strides, 0, dilations, group)
        return (found.numpy(),)


class ConvTranspose(OpRun):  # type: ignore[misc]
    """torch's transposed convolution, without what detectors have no use for."""

    def _run(self, x: Any, weight: Any, bias: Any = None, **attributes: Any) -> tuple[Any]:
        from torch.nn import functional

        assert not any(attributes["pads"] or ())
        given = None if bias is None else _torch(bias)
        strides, group = tuple(attributes["strides"] or (1, 1)), attributes["group"] or 1
        found = functional.conv_transpose2d(_torch(x), _torch(weight), given, strides, groups=group)
        return (found.numpy(),)


class MaxPool(OpRun):  # type: ignore[misc]
    """torch's maximum over a window."""

    def _run(self, x: Any, **attributes: Any) -> tuple[Any]:
        from torch.nn import functional

        partial = bool(attributes["ceil_mode"])
        assert not (partial and any(attributes["pads"] or ()))
        image = functional.pad(_torch(x), _sides(attributes), value=-np.inf)
        kernel, strides = attributes["kernel_shape"], attributes["strides"] or (1, 1)
        found = functional.max_pool2d(image, tuple(kernel), tuple(strides), ceil_mode=partial)
        return (found.numpy(),)


class GatherElements(OpRun):  # type: ignore[misc]
    """NumPy's, which takes more than the 64 choices of the reference's."""

    def _run(self, data: Any, indices: Any, axis: int | None = None) -> tuple[Any]:
        axis = axis or 0
        wrapped = np.where(indices < 0, indices + data.shape[axis], indices)
        sizes = [slice(None if at == axis % data.ndim else n) for at, n in enumerate(indices.shape)]
        return (np.take_along_axis(data[tuple(sizes)], wrapped, axis),)


def _torch(array: NDArray[np.generic]) -> Any:
    import torch

    return torch.from_numpy(np.array(array))  # a copy: weights in a graph are read-only


def _sides(attributes: Mapping[str, Any]) -> tuple[int, ...]:
    """Return ONNX's padding in torch's order: the last axis first."""
    assert attributes["auto_pad"] in {None, "NOTSET"}
    top, left, bottom, right = attributes["pads"] or (0, 0, 0, 0)
    return left, right, top, bottom


def _info(value: onnx.ValueInfoProto) -> TensorInfo:
    dims = value.type.tensor_type.shape.dim
    return TensorInfo(value.name, "double", tuple(dim.dim_value or None for dim in dims))
