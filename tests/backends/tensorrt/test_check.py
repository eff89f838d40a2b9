"""Whole files: ours, other tools', and each trap that TensorRT's parser was seen to have."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import numpy_helper

from edgekit.backends.tensorrt.check import check, check_file, require_clean
from edgekit.errors import ModelError, StageError
from edgekit.graphs import graph_from_model
from edgekit.quantize.plan import plan
from edgekit.quantize.quantize import quantize
from edgekit.quantize.rules import ORT_X86, TENSORRT
from edgekit.quantize.tensorrt import strongly_typed, weakly_typed
from edgekit.values import Range
from tests import networks

WEIGHTS = {
    "k": np.full((16, 3, 3, 3), 0.1, np.float32),
    "w": np.full((16, 16, 1, 1), 0.1, np.float32),
    "v": np.full((16, 32, 1, 1), 0.1, np.float32),
    "b": np.ones(16, np.float32),
    "h": np.float32(1 / 255),
    "z": np.uint8(0),
}
TEXT = """g (uint8[1,8,8,3] u) => (float[1,16,6,6] y) {
    t = Transpose<perm = [0,3,1,2]>(u) x = DequantizeLinear(t, h, z)
    c = Conv(x, k, b) s = Sigmoid(c) m = Mul(c, s) p = MaxPool<kernel_shape = [1,1]>(m)
    j = Concat<axis = 1>(m, p) d = Conv(j, v, b) r = Relu(d) a = Add(r, m) y = Conv(a, w, b)
}"""


def quantized(rules, shared=("j",)):
    graph = networks.network(TEXT, **WEIGHTS)
    decided = plan(graph, rules, {}, shared)
    spans = {name: Range(-1.0 - n, 1.0 + n) for n, name in enumerate(decided.leaders)}
    return quantize(graph, decided, spans, "full").graph


def said(model, version=(10, 3)):
    return [str(finding) for finding in check(model, version)]


@pytest.mark.parametrize("version", [(8, 5), (8, 6), (10, 3), (10, 11)])
def test_our_weakly_typed_file_is_clean(version):
    assert said(weakly_typed(quantized(TENSORRT)).model, version) == []


@pytest.mark.parametrize("version", [(10, 12), (10, 16), (11, 4)])
def test_our_strongly_typed_file_is_clean(version):
    assert said(strongly_typed(quantized(TENSORRT)).model, version) == []


def test_ranges_apart_are_only_warned_of():
    found = require_clean(weakly_typed(quantized(TENSORRT, shared=())), [(8, 5), (10, 3)])

    assert [finding.kind for finding in found] == ["warning"]
    assert "one scale for all that it reads and gives" in str(found[0])


def test_a_file_for_onnx_runtime_is_refused():
    with pytest.raises(StageError, match="unsigned ones; TensorRT reads them as signed") as raised:
        require_clean(quantized(ORT_X86), [(10, 3)])

    assert "32-bit ones, as biases have" in str(raised.value)


def test_errors_come_first():
    kinds = [finding.kind for finding in check(quantized(ORT_X86).model, (10, 3))]

    assert kinds == sorted(kinds)
    assert set(kinds) == {"error", "warning"}


def test_a_file_of_another_type_of_floats_than_the_version_wants():
    weak, strong = (f(quantized(TENSORRT)).model for f in (weakly_typed, strongly_typed))

    assert ["warning: the network: expected scales in float16" in s for s in said(weak, (10, 12))]
    assert any("Give it the weakly typed file" in s for s in said(strong, (10, 11)))


def test_a_file_is_read_whatever_made_it(tmp_path):
    # Constants as nodes and nodes without names, as some exporters write them.
    zero = numpy_helper.from_array(np.uint8(128), "")
    nodes = [
        onnx.helper.make_node("Constant", [], ["s"], value_float=0.5),
        onnx.helper.make_node("Constant", [], ["zp"], value=zero),
        onnx.helper.make_node("QuantizeLinear", ["x", "s", "zp"], ["q"]),
        onnx.helper.make_node("DequantizeLinear", ["q", "s", "zp"], ["y"]),
    ]
    ends = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2]) for n in "xy"]
    graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:])
    path = tmp_path / "theirs.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), path)

    found = check_file(path, (10, 3))

    assert {finding.node for finding in found} == {
        "what gives 'q' (QuantizeLinear)",
        "what gives 'y' (DequantizeLinear)",
    }
    assert all("found unsigned ones" in str(finding) for finding in found)


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "no.onnx"
    path.write_bytes(b"no model")

    with pytest.raises(ModelError, match="expected an ONNX file"):
        check_file(path, (10, 3))


def test_a_network_in_float_is_clean():
    graph = networks.network("g (float[1,16,4,4] x) => (y) { y = Conv(x, w, b) }", **WEIGHTS)

    assert check(graph_from_model(ir.Model(graph.model.graph, ir_version=8)).model, (8, 5)) == ()
