"""The stand-in refuses what trtexec refuses, so that a test against it means something."""

import subprocess

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.backends.tensorrt.check import check
from edgekit.backends.tensorrt.versions import entry_of
from tests.backends.tensorrt.boards import QUICK, RELEASES, measure, put_trtexec, write
from tests.backends.tensorrt.stand_in_parser import refusals
from tests.backends.tensorrt.stand_in_trtexec import StandIn, TrtexecError

ZERO = np.int8(0)
DEFECTS = {
    "clean": ({}, None),
    "unsigned zero point": ({"zero": np.uint8(0)}, "UINT8 zero point"),
    "missing zero point": ({"zero": None}, "no zero point"),
    "zero point of 5": ({"zero": np.int8(5)}, "zero point is not 0"),
    "bias through DQ": ({"bias": True}, "input has type INT32"),
    "QOperator format": ({"op": "QLinearConv"}, "No importer registered for op: QLinearConv"),
    "integer operator": ({"op": "ConvInteger"}, "No importer registered for op: ConvInteger"),
}


def quantized(zero=ZERO, bias=False, op=None, opset=17):
    """Convolution of a quantized input, with one thing wrong or none."""
    held = {"scale": np.float32(0.1), "w": np.ones((16, 16, 1, 1), np.float32)}
    tail = [] if zero is None else ["zero"]
    if zero is not None:
        held["zero"] = zero
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", *tail], ["q"], name="q"),
        helper.make_node("DequantizeLinear", ["q", "scale", *tail], ["d"], name="dq"),
        helper.make_node("Conv", ["d", "w"], ["c"], name="conv"),
    ]
    if bias:
        held |= {"b": np.zeros(16, np.int32), "zero32": np.int32(0)}
        nodes[2].input.append("bd")
        into = ["b", "scale", "zero32"]
        nodes.insert(0, helper.make_node("DequantizeLinear", into, ["bd"], name="bias"))
    last = helper.make_node(op, ["c"], ["y"], name="last") if op else None
    nodes.append(last or helper.make_node("Relu", ["c"], ["y"], name="last"))
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 16, 4, 4]) for n in "xy")
    constants = [numpy_helper.from_array(np.asarray(v), n) for n, v in held.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def told(programs, *arguments):
    ended = subprocess.run(
        [programs / "trtexec", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    return ended.returncode, ended.stdout


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_the_parser_refuses_the_checker_refuses_too(defect):
    wrong, reason = DEFECTS[defect]
    model = quantized(**wrong)

    found = refusals(model.SerializeToString(), "10.3")
    checked = check(ir.from_proto(onnx.ModelProto.FromString(model.SerializeToString())), (10, 3))

    assert [bool(reason and reason in one) for one in found] == [True] * len(found)
    assert bool(found) == bool(reason)
    assert any(finding.kind == "error" for finding in checked) == bool(reason)


def test_an_opset_beyond_what_is_documented_is_refused():
    assert refusals(quantized(opset=26).SerializeToString(), "11.4")
    assert not refusals(quantized(opset=entry_of("11.4").opset).SerializeToString(), "11.4")


@pytest.mark.parametrize(
    ("flag", "lacking"),
    [
        ("--skipInference", {"8.5"}),
        ("--buildOnly", {"10.3", "10.13", "10.16", "11.4"}),
        ("--stronglyTyped", {"8.5", "8.6"}),
        ("--int8", {"11.4"}),
        ("--noCudaGraph", set(RELEASES) - {"11.4"}),
        ("--useCudaGraph", set()),
    ],
)
def test_a_flag_is_unknown_to_the_versions_that_lack_it(flag, lacking):
    def refuses(release):
        try:
            StandIn(release, [flag, "--loadEngine=none"]).check_flags()
        except TrtexecError as err:
            return f"Unknown option: {flag}" in str(err)

    assert {release for release in RELEASES if refuses(release)} == lacking


def test_a_weakly_typed_network_with_qdq_needs_the_int8_flag(tmp_path):
    put_trtexec(tmp_path, "10.3")
    (tmp_path / "m.onnx").write_bytes(b"QuantizeLinear")

    assert told(tmp_path, f"--onnx={tmp_path}/m.onnx", "--fp16", "--skipInference")[0] == 1
    line = (f"--onnx={tmp_path}/m.onnx", "--fp16", "--int8", "--skipInference")
    assert told(tmp_path, *line)[0] == 0


def test_an_engine_of_another_version_is_not_loaded(tmp_path):
    put_trtexec(tmp_path, "8.6")
    (tmp_path / "m.onnx").write_bytes(b"plain")
    engine = tmp_path / "m.engine"
    told(tmp_path, f"--onnx={tmp_path}/m.onnx", f"--saveEngine={engine}", "--skipInference")
    assert told(tmp_path, f"--loadEngine={engine}")[0] == 0

    put_trtexec(tmp_path, "10.3")
    code, said = told(tmp_path, f"--loadEngine={engine}")

    assert (code, "not compatible with this version" in said) == (1, True)


def test_a_bundle_with_a_file_that_does_not_parse_says_why(tmp_path):
    put_trtexec(tmp_path / "bin", "10.3", parses=True)
    bad = quantized(zero=np.uint8(0)).SerializeToString()
    write(tmp_path / "bundle", {"int8": {"weak": bad}})

    ended = measure(tmp_path / "bundle", tmp_path / "bin", *QUICK)

    assert ended.returncode == 4
    assert "UINT8 zero point would be read as INT8" in ended.stderr
