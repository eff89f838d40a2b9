"""Networks written node by node, with their decode labelled by hand.

Weights are random and the input is 64 x 64, so that the grids of strides 8, 16 and 32 have
64, 16 and 4 cells: 84 in all.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 64
STRIDES = (8, 16, 32)
CELLS = sum((SIZE // s) ** 2 for s in STRIDES)


@dataclass
class Net:
    """Nodes added one by one; those added under ``decoding`` are labelled as the decode."""

    seed: int = 0
    size: int = SIZE
    nodes: list = field(default_factory=list)
    weights: list = field(default_factory=list)
    labelled: set = field(default_factory=set)
    in_decode: bool = False

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)

    @contextmanager
    def decoding(self):
        self.in_decode = True
        yield
        self.in_decode = False

    def op(self, kind, *inputs, outputs=1, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        made = [f"{name}_out{i}" for i in range(outputs)]
        inputs = [i if isinstance(i, str) else self.const(i) for i in inputs]
        self.nodes.append(helper.make_node(kind, inputs, made, name, **attributes))
        if self.in_decode:
            self.labelled.add(name)
        return made[0] if outputs == 1 else made

    def const(self, value):
        array = np.asarray(value)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, x, channels_in, channels_out, *, bias=0.0, **attributes):
        weight = self.rng.normal(0, 1 / np.sqrt(channels_in), (channels_out, channels_in, 1, 1))
        shift = self.rng.normal(bias, 1, channels_out)
        return self.op("Conv", x, weight, shift, **attributes)

    def features(self):
        """Three feature maps of 8 channels, at strides 8, 16 and 32."""
        x = self.op("Conv", "image", self.rng.normal(0, 0.1, (8, 3, 8, 8)), strides=[8, 8])
        maps = [self.op("Relu", x)]
        for _ in STRIDES[1:]:
            down = self.op("Conv", maps[-1], self.rng.normal(0, 0.2, (8, 8, 2, 2)), strides=[2, 2])
            maps.append(self.op("Relu", down))
        return maps

    def model(self, *outputs):
        """The model; call it once everything is added."""
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIZE, SIZE])
        shapeless = [helper.make_empty_tensor_value_info(o) for o in outputs]
        graph = helper.make_graph(self.nodes, "net", [image], shapeless, self.weights)
        opsets = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)


def centers():
    """``(2, 84)`` x and y of every cell's centre in strides, and ``(84,)`` strides."""
    xy, strides = [], []
    for stride in STRIDES:
        side = SIZE // stride
        y, x = np.mgrid[:side, :side].reshape(2, -1) + 0.5
        xy.append(np.stack([x, y]))
        strides.append(np.full(side * side, float(stride)))
    return np.concatenate(xy, axis=1), np.concatenate(strides)


def sigmoid(net, x, spelling="op"):
    if spelling == "op":
        return net.op("Sigmoid", x)
    return net.op("Div", 1.0, net.op("Add", net.op("Exp", net.op("Neg", x)), 1.0))


def branches(net, *channels, bias=0.0):
    """For every level, the maps of ``channels``; ``bias`` is that of the last of them."""
    return [
        [
            net.conv(f, 8, c, bias=bias if i == len(channels) - 1 else 0.0)
            for i, c in enumerate(channels)
        ]
        for f in net.features()
    ]


def flat(net, maps, channels):
    """All levels side by side: ``(1, channels, 84)``."""
    flattened = [net.op("Reshape", m, np.array([1, channels, -1])) for m in maps]
    return net.op("Concat", *flattened, axis=2)


def halves(net, x, axis, spelling):
    if spelling == "split":
        return net.op("Split", x, np.array([2, 2]), outputs=2, axis=axis)
    axes = np.array([axis])
    return (
        net.op("Slice", x, np.array([0]), np.array([2]), axes),
        net.op("Slice", x, np.array([2]), np.array([4]), axes),
    )


def expectation(net, boxes, bins, spelling):
    """``(1, 4, 84)`` distances from ``(1, 4 * bins, 84)``."""
    grouped = net.op("Reshape", boxes, np.array([1, 4, bins, -1]))
    steps = np.arange(bins, dtype=np.float32)
    if spelling == "conv":
        moved = net.op("Softmax", net.op("Transpose", grouped, perm=[0, 2, 1, 3]), axis=1)
        mean = net.op("Conv", moved, steps.reshape(1, bins, 1, 1))
        return net.op("Reshape", mean, np.array([1, 4, -1]))
    if spelling == "matmul":
        last = net.op("Softmax", net.op("Transpose", grouped, perm=[0, 3, 1, 2]), axis=3)
        mean = net.op("Squeeze", net.op("MatMul", last, steps[:, None]), np.array([3]))
        return net.op("Transpose", mean, perm=[0, 2, 1])
    weighed = net.op("Mul", net.op("Softmax", grouped, axis=2), steps[:, None])
    return net.op("ReduceSum", weighed, np.array([2]), keepdims=0)


def disguised(model, seed):
    """The same model with every name changed, its nodes and outputs in another order.

    Also returns what each node is called now.
    """
    rng = np.random.default_rng(seed)
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    made = [o for n in graph.node for o in n.output]
    old = [*made, *(i.name for i in graph.input), *(w.name for w in graph.initializer)]
    values = dict(zip(old, (f"v{i}" for i in rng.permutation(len(old))), strict=True))
    nodes = {
        n.name: f"n{i}" for n, i in zip(graph.node, rng.permutation(len(graph.node)), strict=True)
    }
    for node in graph.node:
        node.name = nodes[node.name]
        node.input[:] = [values.get(i, i) for i in node.input]
        node.output[:] = [values[o] for o in node.output]
    for info in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        info.name = values[info.name]
    outputs = [graph.output[i] for i in rng.permutation(len(graph.output))]
    ordered = in_another_order(list(graph.node), {values[m] for m in made}, rng)
    del graph.node[:], graph.output[:]
    graph.node.extend(ordered)
    graph.output.extend(outputs)
    return model, nodes


def in_another_order(nodes, made, rng):
    """``nodes`` in a random order that still computes every value before its use."""
    ordered, ready = [], set()
    while nodes:
        free = [n for n in nodes if all(i in ready or i not in made for i in n.input)]
        node = free[rng.integers(len(free))]
        nodes.remove(node)
        ordered.append(node)
        ready.update(node.output)
    return ordered
