"""Q/DQ nodes into a graph, as a plan and its encodings say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx_ir import convenience
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgekit.graphs import graph_from_model
from edgekit.quantize.encode import (
    Encoding,
    encode_bias,
    encode_symmetric,
    encode_weight,
    encodings_of_values,
    on_half_scales,
    smallest_scales,
)
from edgekit.quantize.plan import (
    constant,
    data_inputs,
    dequantized,
    moved_values,
    output_axis,
    rescale_factor,
)
from edgekit.quantize.product import image_of, pixels_of, products_of
from edgekit.quantize.repeat import repeated, whole_factors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from edgekit.quantize.encode import EncodedWeight
    from edgekit.quantize.plan import Plan
    from edgekit.values import Graph, WeightRule


def insert_qdq(
    graph: Graph,
    plan: Plan,
    encodings: Mapping[str, Encoding],
    weight_rule: WeightRule,
    encode: Callable[..., EncodedWeight] = encode_weight,
) -> Graph:
    """Return ``graph`` with quantize and dequantize nodes around everything ``plan`` quantizes.

    Args:
        graph: The network in float.
        plan: What is quantized.
        encodings: One per leader of the plan.
        weight_rule: Which integers weights may use.
        encode: ``encode_weight``, or what remembers its results.
    """
    model = graph.model.clone()
    inserter = _Inserter(model.graph, plan, encodings, partial(encode, rule=weight_rule))
    for node in list(model.graph):
        if node.name in plan.nodes:
            inserter.quantize_node(node)
    products = products_of(graph, plan)
    for node in list(model.graph):
        if node.name not in plan.nodes and node.op_type in {"Conv", "ConvTranspose", "Gemm"}:
            if node.name in products:
                inserter.multiply_node(node)
            elif plan.rules.shielded:
                inserter.shield_node(node)
    RemoveUnusedNodesPass()(model)
    return graph_from_model(model, parent=graph.sha256)


class _Inserter:
    """Rewrites one cloned graph in place, nodes in their order."""

    def __init__(
        self,
        graph: ir.Graph,
        plan: Plan,
        encodings: Mapping[str, Encoding],
        encode: Callable[..., EncodedWeight],
    ) -> None:
        self._graph = graph
        self._rules = plan.rules
        self._moved = moved_values(graph, plan)
        self._encode = encode
        self._encodings = encodings_of_values(plan, encodings)
        self._reals: dict[str, ir.Value] = {}
        self._made: dict[str, ir.Value] = {}
        values = convenience.create_value_mapping(graph)
        self._given = {name for name in plan.links if dequantized(values[name])}
        self._taken = {*values, *(str(node.name) for node in graph)}

    def quantize_node(self, node: ir.Node) -> None:
        """Encode what ``node`` reads and, where the plan says so, what it writes."""
        for value in data_inputs(node, self._rules):
            read = dequantized(value) and str(value.name) not in self._given
            if not (constant(value) or read or value in self._moved):
                self._read_encoded(node, value)
        if rescale_factor(node, self._rules) is not None:
            self._rescale(node)
            return
        factors = whole_factors(node) if node.op_type in self._rules.repeating else None
        if factors is not None:
            self._repeat(node, factors)
            return
        if node.op_type in self._rules.weighted:
            self._encode_weights(node)
        else:
            self._encode_constants(node)
        for output in () if self._rules.inputs_only else node.outputs:
            if str(output.name) in self._encodings and output not in self._moved:
                self._encode_output(node, output)

    def shield_node(self, node: ir.Node) -> None:
        """Keep the runtime from rounding the weights of a node that stays in float.

        ONNX Runtime rounds them to 8 bits, one scale for all, behind any DequantizeLinear that
        has a single scale (``WeightBiasQuantization``). ``node`` reads one with a scale, the same,
        for every channel.
        """
        value = node.inputs[0]
        if value is None or value.shape is None or not dequantized(value):
            return
        integers, scale, zero_point = _producer(value).inputs
        assert integers is not None
        long = [(axis, d) for axis, d in enumerate(value.shape.numpy()) if d > 1]
        axis, length = long[0] if long else (0, 1)
        name = self._free(f"{node.name}_input")
        inputs = [
            integers,
            self._initializer(f"{name}_scale", np.full(length, _array(scale))),
            self._initializer(f"{name}_zero_point", np.full(length, _array(zero_point))),
        ]
        dequantize = self._node("DequantizeLinear", inputs, f"{name}_dequantized")
        dequantize.attributes["axis"] = ir.AttrInt64("axis", axis)
        self._graph.insert_before(node, [dequantize])
        node.replace_input_with(0, dequantize.outputs[0])

    def multiply_node(self, node: ir.Node) -> None:
        """Replace a 1 x 1 convolution of integers with a product of matrices that gives floats."""
        output, name = node.outputs[0], str(node.name)
        integers, scale, zero_point = _producer(node.inputs[0]).inputs
        assert integers is not None
        numbers = partial(self._numbers, node)
        rows = self._insert(node, pixels_of(integers, _shape(node.inputs[0]), numbers))
        reals = self._node("DequantizeLinear", [rows, scale, zero_point], f"{name}_rows_reals")
        kernel = self._initializer(self._free(f"{name}_matrix"), _array(node.inputs[1])[:, :, 0, 0])
        product = self._node("Gemm", [reals.outputs[0], kernel, *node.inputs[2:]], f"{name}_rows")
        product.attributes["transB"] = ir.AttrInt64("transB", 1)
        self._graph.insert_before(node, [reals, product])
        self._encode_weights(product)
        uses = [(use.node, use.idx) for use in output.uses()]
        made = self._insert(node, image_of(product.outputs[0], _shape(output), numbers))
        self._replace(output, uses, made)
        product.name, node.name = node.name, product.name

    def _read_encoded(self, node: ir.Node, value: ir.Value) -> None:
        """Make ``node`` read a value of a float node through Q and DQ."""
        name = str(value.name)
        if name not in self._encodings:
            return  # hidden: written and absorbed inside the quantized region
        if name not in self._reals:
            quantize, dequantize = self._pair(value)
            self._graph.insert_before(node, [quantize, dequantize])
            self._reals[name] = dequantize.outputs[0]
        _redirect([(node, i) for i, v in enumerate(node.inputs) if v is value], self._reals[name])

    def _encode_output(self, node: ir.Node, output: ir.Value) -> None:
        """Make everything that read ``output`` read it through Q and DQ."""
        uses = [(use.node, use.idx) for use in output.uses()]
        quantize, dequantize = self._pair(output)
        self._graph.insert_after(node, [quantize, dequantize])
        self._replace(output, uses, dequantize.outputs[0])

    def _rescale(self, node: ir.Node) -> None:
        """Replace a multiplication by a constant with another scale for the same integers."""
        self._replace_by(node, _producer(node.inputs[0]).inputs[0])

    def _repeat(self, node: ir.Node, factors: tuple[int, int]) -> None:
        """Replace nearest upsampling with copies of the integers."""
        integers = _producer(node.inputs[0]).inputs[0]
        assert integers is not None
        nodes = repeated(integers, _shape(node.inputs[0]), factors, partial(self._numbers, node))
        self._replace_by(node, self._insert(node, nodes))

    def _insert(self, node: ir.Node, nodes: Sequence[ir.Node]) -> ir.Value:
        """Return what ``nodes`` end in, standing named before ``node``."""
        for made in nodes:
            made.name = made.outputs[0].name = self._free(f"{node.name}_{made.op_type}")
        self._graph.insert_before(node, nodes)
        return nodes[-1].outputs[0]

    def _numbers(self, node: ir.Node, use: str, numbers: Sequence[int]) -> ir.Value:
        """Return an initializer that ``node`` needs for ``use``."""
        name = self._free(f"{node.name}_{use}")
        return self._initializer(name, np.array(numbers, np.int64))

    def _replace_by(self, node: ir.Node, integers: ir.Value | None) -> None:
        """Make everything that read the output of ``node`` read ``integers`` in its encoding."""
        output = node.outputs[0]
        uses = [(use.node, use.idx) for use in output.uses()]
        name = str(output.name)
        dequantize = self._dequantize(name, self._encodings[name], integers)
        self._graph.insert_after(node, [dequantize])
        self._replace(output, uses, dequantize.outputs[0])

    def _replace(
        self, output: ir.Value, uses: Sequence[tuple[ir.Node, int]], reals: ir.Value
    ) -> None:
        _redirect(uses, reals)
        reals.type, reals.shape = output.type, output.shape
        for index, value in enumerate(self._graph.outputs):
            if value is output:
                self._graph.outputs[index] = reals
                reals.name, output.name = output.name, self._free(f"{output.name}_float")

    def _pair(self, value: ir.Value) -> tuple[ir.Node, ir.Node]:
        name = str(value.name)
        encoding = self._encodings[name]
        inputs = [value, *self._scale_and_zero(name, encoding)]
        quantize = self._node("QuantizeLinear", inputs, f"{name}_quantized")
        return quantize, self._dequantize(name, encoding, quantize.outputs[0])

    def _dequantize(self, name: str, encoding: Encoding, integers: ir.Value | None) -> ir.Node:
        assert integers is not None
        inputs = [integers, *self._scale_and_zero(name, encoding)]
        return self._node("DequantizeLinear", inputs, f"{name}_dequantized")

    def _scale_and_zero(self, name: str, encoding: Encoding) -> list[ir.Value]:
        return [
            self._initializer(f"{name}_scale", np.float32(encoding.scale)),
            self._initializer(f"{name}_zero_point", encoding.zero),
        ]

    def _encode_weights(self, node: ir.Node) -> None:
        weight, axis = _array(node.inputs[1]), output_axis(node)
        if self._rules.float_biases:
            encoded = on_half_scales(weight, self._encode(weight, axis))
        elif len(node.inputs) < 3 or node.inputs[2] is None:
            encoded = self._encode(weight, axis)
        else:
            bias = _array(node.inputs[2]).reshape(-1)  # that of a Gemm may be (1, N)
            input_scale = self._input_scale(node.inputs[0])
            smallest = smallest_scales(bias, input_scale)
            encoded = self._encode(weight, axis, smallest=smallest)
            scales = encoded.scales * input_scale
            self._store(node, 2, encode_bias(bias, scales))
        self._store(node, 1, encoded)

    def _input_scale(self, value: ir.Value | None) -> float:
        if dequantized(value):
            return float(_array(_producer(value).inputs[1]))
        assert value is not None
        return self._encodings[str(value.name)].scale

    def _store(self, node: ir.Node, index: int, encoded: EncodedWeight) -> None:
        """Make input ``index`` of ``node`` what the integers of ``encoded`` stand for."""
        name = self._free(f"{node.name}_{'weight' if index == 1 else 'bias'}")
        zeros = np.zeros(len(encoded.scales), encoded.integers.dtype)
        inputs = [
            self._initializer(f"{name}_integers", encoded.integers),
            self._initializer(f"{name}_scale", encoded.scales),
            self._initializer(f"{name}_zero_point", zeros),
        ]
        dequantize = self._node("DequantizeLinear", inputs, f"{name}_dequantized")
        dequantize.attributes["axis"] = ir.AttrInt64("axis", encoded.axis)
        self._graph.insert_before(node, [dequantize])
        node.replace_input_with(index, dequantize.outputs[0])

    def _encode_constants(self, node: ir.Node) -> None:
        """Encode the constants that ``node`` adds, multiplies or joins."""
        for value in data_inputs(node, self._rules):
            if not constant(value):
                continue
            integers, encoding = encode_symmetric(_array(value), signed=self._rules.signed)
            name = self._free(f"{node.name}_{value.name}")
            stored = self._initializer(f"{name}_integers", integers)
            dequantize = self._dequantize(name, encoding, stored)
            self._graph.insert_before(node, [dequantize])
            uses = [(node, i) for i, v in enumerate(node.inputs) if v is value]
            _redirect(uses, dequantize.outputs[0])

    def _initializer(self, name: str, array: NDArray[np.generic] | np.generic) -> ir.Value:
        """Return the one initializer made under ``name``."""
        if name not in self._made:
            free = self._free(name)
            self._made[name] = ir.val(free, const_value=ir.tensor(np.asarray(array), name=free))
            self._graph.register_initializer(self._made[name])
        return self._made[name]

    def _node(self, op_type: str, inputs: Sequence[ir.Value | None], output: str) -> ir.Node:
        node = ir.Node("", op_type, inputs, name=self._free(output))
        node.outputs[0].name = node.name
        return node

    def _free(self, name: str) -> str:
        """Return ``name``, longer where the network has one like it already."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def _redirect(uses: Sequence[tuple[ir.Node, int]], value: ir.Value) -> None:
    for node, index in uses:
        node.replace_input_with(index, value)


def _producer(value: ir.Value | None) -> ir.Node:
    producer = value.producer() if value is not None else None
    assert producer is not None
    return producer


def _shape(value: ir.Value | None) -> tuple[int, ...]:
    assert value is not None
    assert value.shape is not None
    return value.shape.numpy()


def _array(value: ir.Value | None) -> NDArray[np.float32]:
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()
