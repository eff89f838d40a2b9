"""Small networks written as ONNX text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import numpy_helper

from edgekit.graphs import graph_from_model, graph_from_proto
from edgekit.reparam.normal_form import infer_shapes, normal_form

if TYPE_CHECKING:
    import numpy as np

    from edgekit.values import Graph


def proto(text: str, opset: int = 17, **weights: np.ndarray) -> onnx.ModelProto:
    """The model of one graph ``text``, with ``weights`` as initializers."""
    header = f'<ir_version: 8, opset_import: ["" : {opset}, "com.microsoft" : 1]>'
    model = onnx.parser.parse_model(header + text)
    model.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in weights.items()
    )
    return model


def network(text: str, **weights: np.ndarray) -> Graph:
    """The graph of ``text`` in normal form, with shapes; nodes are called Conv, Conv_1 ..."""
    model = graph_from_proto(proto(text, **weights)).model
    return graph_from_model(infer_shapes(normal_form(model)))
