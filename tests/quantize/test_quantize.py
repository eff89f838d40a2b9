import numpy as np
import pytest

from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import ORT_X86
from edgekit.values import Range
from tests.networks import network

TEXT = """g (uint8[1,4,2,2] x) => (y) {
    f = DequantizeLinear(x, s, z) m = MaxPool<kernel_shape = [1,1]>(f) y = Conv(m, w)
}"""
RANGES = {"f": Range(0.0, 3.0), "y": Range(-1.0, 2.0), "unused": Range(0.0, 0.0)}


@pytest.fixture
def graph():
    weight = np.ones((4, 4, 1, 1), np.float32)
    return network(TEXT, w=weight, s=np.float32(0.5), z=np.uint8(3))


def test_a_quantized_graph_carries_the_decisions_behind_it(graph):
    decided = plan(graph, ORT_X86, {})

    found = quantize(graph, decided, RANGES, "paired")

    assert (found.plan, found.ranges, found.weight_rule) == (decided, RANGES, "paired")
    assert found.graph.parent == graph.sha256
    kinds = [node.op_type for node in found.graph.model.graph]
    assert kinds.count("QuantizeLinear") == 2
    assert kinds.count("Conv") == 1
