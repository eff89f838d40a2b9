import pickle

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.tensorrt.bundle import Extra, write
from edgekit.backends.tensorrt.replay import Capture, Replay, key_of
from edgekit.errors import StageError
from edgekit.protocols import Backend
from tests.backends.tensorrt.boards import QUICK, measure, put_trtexec

FIRST = np.array([[1, 2, 3, 4, 5, 6]], np.uint8)
SECOND = np.array([[6, 5, 4, 3, 2, 1]], np.uint8)


def to_float(kind=TensorProto.FLOAT):
    """A network that turns six bytes into floats, which is what the stand-in puts out, too."""
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 6])
    y = helper.make_tensor_value_info("output0", kind, [1, 2, 3])
    shape = helper.make_tensor("shape", TensorProto.INT64, [3], [1, 2, 3])
    nodes = [
        helper.make_node("Cast", ["x"], ["c"], to=kind),
        helper.make_node("Reshape", ["c", "shape"], ["output0"]),
    ]
    graph = helper.make_graph(nodes, "g", [x], [y], [shape])
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A bundle that was measured, what captured its inputs, and what ran here gave out."""
    folder, capture = tmp_path_factory.mktemp("board"), Capture(OnnxRuntime())
    with capture.open(to_float()) as session:
        here = [session.run({"x": value}) for value in (FIRST, SECOND, FIRST)]
    write(folder / "bundle", {"fp16": {"weak": to_float()}}, Extra(inputs=capture.inputs))
    put_trtexec(folder / "bin", "10.3")
    assert measure(folder / "bundle", folder / "bin", *QUICK).returncode == 0
    return folder / "bundle", capture, here


def test_every_distinct_input_is_kept_once(board):
    inputs = board[1].inputs

    assert inputs.name == "x"
    assert inputs.values == {key_of(value): value.tobytes() for value in (FIRST, SECOND)}
    assert board[1].name == "onnxruntime"


def test_a_board_answers_as_a_runtime_does(board):
    folder, _, here = board
    runtime = Replay(folder, "fp16")

    assert isinstance(runtime, Backend)
    assert runtime.name == "tensorrt"
    with pickle.loads(pickle.dumps(runtime)).open(to_float()) as session:
        for value, expected in zip((FIRST, SECOND), here, strict=False):
            (found,) = session.run({"x": value}).values()
            np.testing.assert_array_equal(found, expected["output0"])
            assert found.dtype == expected["output0"].dtype
        with OnnxRuntime().open(to_float()) as real:
            assert (session.inputs, session.outputs) == (real.inputs, real.outputs)


def test_an_input_the_board_was_not_given_is_refused(board):
    with (
        Replay(board[0], "fp16").open(to_float()) as session,
        pytest.raises(StageError, match="was not given input"),
    ):
        session.run({"x": FIRST + 1})


def test_another_file_or_precision_than_the_board_ran_is_refused(board):
    with pytest.raises(StageError, match="the board ran ONNX file"):
        Replay(board[0], "fp16").open(to_float(TensorProto.FLOAT16))
    with pytest.raises(StageError, match="nothing of int8 was run"):
        Replay(board[0], "int8").open(to_float())


def test_a_file_in_the_bundle_is_opened_too(board):
    with Replay(board[0], "fp16").open(board[0] / "models" / "fp16-weak.onnx") as session:
        assert session.inputs[0].dtype == "uint8"


def test_networks_of_several_inputs_are_not_captured():
    with pytest.raises(StageError, match=r"expected one per network, found \['a', 'b'\]"):
        Capture(OnnxRuntime()).keep({"a": FIRST, "b": SECOND})
