"""Biases that take back what rounding adds on average.

Rounding errors do not average out by themselves: the values of a quiet channel fall on the same
side of a step in image after image, and so does a weight that was rounded. What such an error adds
to a channel of the layer behind it is nearly constant, and a bias can take it back for nothing.

Every layer is judged by itself, on the inputs that the float network gives it. Its shift then holds
whichever other layers are in INT8. One that makes up for the layers before as well is taken mostly
from background, and moved predictions further away.

Source:
    Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (ICCV
    2019), section 4.2, from images instead of the statistics of batch norms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from onnx_ir import convenience
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgekit.graphs import graph_from_model, graph_to_bytes
from edgekit.quantize.encode import EncodedWeight, encodings_of, encodings_of_values
from edgekit.quantize.plan import constant, dequantized

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from edgekit.protocols import Backend
    from edgekit.quantize.encode import Encoding
    from edgekit.quantize.quantize import QuantizedGraph
    from edgekit.values import Floats, Graph

_LOST = "bias.lost."


def bias_shifts(
    graph: Graph,
    quantized: QuantizedGraph,
    feeds: Iterable[Mapping[str, NDArray[np.generic]]],
    backend: Backend,
) -> dict[str, Floats]:
    """Return what to add to the bias of every convolution in INT8: the mean its output lost.

    Args:
        graph: The network in float.
        quantized: The same in INT8.
        feeds: One set of network inputs per image, at least one.
        backend: Runs both forms of every layer, side by side.

    Returns:
        ``(channels,)`` by name of node.
    """
    compared = _compared(graph, quantized)
    if not compared.model.graph.outputs:
        return {}
    sums: dict[str, NDArray[np.float64]] = {}
    images = 0
    with backend.open(graph_to_bytes(compared)) as session:
        for feed in feeds:
            images += 1
            for name, lost in session.run(feed).items():
                mean = lost.astype(np.float64).mean(axis=0).reshape(-1)
                sums[name] = sums.get(name, np.zeros(mean.shape)) + mean
    return {
        name.removeprefix(_LOST): (total / images).astype(np.float32)
        for name, total in sums.items()
    }


def shift_biases(graph: Graph, shifts: Mapping[str, Floats], nodes: Collection[str]) -> Graph:
    """Return ``graph`` with ``shifts`` added to the biases of those of ``nodes`` that have one.

    Args:
        graph: The network in float.
        shifts: As ``bias_shifts`` gives them.
        nodes: Those that will be in INT8: only they lose what the shifts make up for.
    """
    if not shifts.keys() & set(nodes):
        return graph
    model = graph.model.clone()
    taken = {*convenience.create_value_mapping(model.graph)}
    for node in model.graph:
        if node.name in nodes and node.name in shifts:
            name = f"{node.name}_bias_shifted"
            while name in taken:
                name += "_"
            bias, shift = _bias(node), shifts[str(node.name)]
            shifted = shift if bias is None else (bias + shift).astype(np.float32)
            value = ir.val(name, const_value=ir.tensor(shifted, name=name))
            model.graph.register_initializer(value)
            node.resize_inputs(3)
            node.replace_input_with(2, value)
    RemoveUnusedNodesPass()(model)
    return graph_from_model(model, parent=graph.sha256)


def _compared(graph: Graph, quantized: QuantizedGraph) -> Graph:
    """Return ``graph`` with the mean that each channel of each layer in INT8 lost as its outputs.

    A layer in INT8 stands beside the float one and reads the same values, rounded.
    """
    model = graph.model.clone()
    rounded = {str(node.name): node for node in quantized.graph.model.graph}
    leaders = encodings_of(graph, quantized.plan, quantized.ranges)
    writer = _Writer(ir.tape.Tape(), encodings_of_values(quantized.plan, leaders))
    outputs = [
        writer.mean_lost(node, rounded[str(node.name)])
        for node in model.graph
        if node.name in quantized.plan.nodes and node.op_type == "Conv"
    ]
    for number, written in enumerate(writer.tape.nodes):
        written.name = f"bias.{number}"
        written.outputs[0].name = written.outputs[0].name or written.name
    model.graph.extend(writer.tape.nodes)
    for initializer in writer.tape.initializers:
        model.graph.register_initializer(initializer)
    model.graph.outputs[:] = outputs
    RemoveUnusedNodesPass()(model)
    return graph_from_model(model, parent=graph.sha256)


class _Writer:
    """Writes layers in INT8 beside those in float.

    Attributes:
        tape: The nodes written, in order.
    """

    def __init__(self, tape: ir.tape.Tape, encodings: Mapping[str, Encoding]) -> None:
        self.tape = tape
        self._encodings = encodings
        self._rounded: dict[ir.Value, ir.Value] = {}

    def mean_lost(self, node: ir.Node, quantized: ir.Node) -> ir.Value:
        """Return ``(N, channels, 1, ...)``: mean of the float layer's output less the other's."""
        inputs = [self._input(node), self._constant(_reals(quantized.inputs[1]))]
        bias = _bias(node)
        if bias is not None:
            inputs.append(self._constant(bias))
        written = self.tape.op("Conv", inputs, attributes=dict(node.attributes))
        lost = self.tape.op("Sub", [node.outputs[0], written])
        mean = self.tape.op("GlobalAveragePool", [lost])
        mean.name, mean.type = f"{_LOST}{node.name}", ir.TensorType(ir.DataType.FLOAT)
        return mean

    def _input(self, node: ir.Node) -> ir.Value:
        """Return what ``node`` reads, rounded to its encoding."""
        value = node.inputs[0]
        assert value is not None
        if dequantized(value):
            return value
        if value not in self._rounded:
            encoding = self._encodings[str(value.name)]
            numbers = np.float32(encoding.scale), encoding.zero
            scale = [self._constant(np.asarray(n)) for n in numbers]
            integers = self.tape.op("QuantizeLinear", [value, *scale])
            self._rounded[value] = self.tape.op("DequantizeLinear", [integers, *scale])
        return self._rounded[value]

    def _constant(self, array: NDArray[np.generic]) -> ir.Value:
        name = f"bias.constant.{len(self.tape.initializers)}"
        return self.tape.initializer(ir.tensor(array, name=name))


def _reals(value: ir.Value | None) -> Floats:
    """Return the constant that a DequantizeLinear gives, one scale per output channel."""
    assert value is not None
    node = value.producer()
    assert node is not None
    integers, scales = (_array(v) for v in node.inputs[:2])
    return EncodedWeight(integers, scales, node.attributes["axis"].as_int()).reals()


def _bias(node: ir.Node) -> Floats | None:
    return _array(node.inputs[2]) if len(node.inputs) > 2 and constant(node.inputs[2]) else None


def _array(value: ir.Value | None) -> NDArray[Any]:
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()
