import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import onnx
import pytest

from edgekit.backends import openvino as module
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.openvino import OpenVino, openvino_package, reason_of, write_ir
from edgekit.errors import MissingExtraError, StageError
from edgekit.graphs import graph_to_bytes
from edgekit.protocols import Backend, Session, StreamsBackend
from tests.networks import network
from tests.quantize.eight_bits import normal

TEXT = """g (float[1,3,8,8] x) => (y, z) {
    c = Conv(x, w, b) s = Sigmoid(c) y = Mul(c, s) z = ReduceMax(c)
}"""
IMAGES = [{"x": normal(1, 3, 8, 8, spread=s)} for s in (0.5, 1.0, 1.5, 2.0, 2.5)]
RUNTIME = OpenVino(threads=1)


@pytest.fixture(scope="module")
def model():
    return graph_to_bytes(network(TEXT, w=normal(4, 3, 3, 3), b=normal(4)))


def test_it_is_a_backend_that_other_processes_can_be_handed(model):
    assert isinstance(RUNTIME, Backend)
    with pickle.loads(pickle.dumps(RUNTIME)).open(model) as session:
        session: Session
        assert session.run(IMAGES[0]).keys() == {"y", "z"}


def test_it_computes_what_onnx_runtime_computes(model):
    with RUNTIME.open(model) as session, OnnxRuntime().open(model) as other:
        assert (session.inputs, session.outputs) == (other.inputs, other.outputs)
        for image in IMAGES:
            wanted = other.run(image)
            for name, values in session.run(image).items():
                np.testing.assert_allclose(values, wanted[name], rtol=1e-4, atol=1e-5)


def test_results_are_not_overwritten_by_the_next_run(model):
    with RUNTIME.open(model) as session:
        first = session.run(IMAGES[0])
        before = first["y"].copy()
        session.run(IMAGES[1])

    np.testing.assert_array_equal(first["y"], before)


def test_many_at_once_come_out_in_order(model):
    with OpenVino(threads=2, hint="throughput").open(model) as session:
        one_by_one = [session.run(image) for image in IMAGES]
        together = list(session.run_many(IMAGES))

    assert len(together) == len(IMAGES)
    for wanted, found in zip(one_by_one, together, strict=True):
        np.testing.assert_allclose(found["y"], wanted["y"], rtol=1e-5)


def test_streams_run_at_the_same_time_on_one_network(model):
    first, *others = streams = OpenVino(threads=2).open_streams(model, 2)
    with RUNTIME.open(model) as session:
        one_by_one = [session.run(image)["y"] for image in IMAGES[:2]]

    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda s, image: s.run(image)["y"], streams, IMAGES))

    assert isinstance(RUNTIME, StreamsBackend)
    assert len(others) == 1
    assert first._compiled.get_property("NUM_STREAMS") == 2
    for wanted, found in zip(one_by_one, together, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_inputs_that_do_not_fit_are_refused_among_many_too(model):
    with RUNTIME.open(model) as session, pytest.raises(StageError, match="OpenVINO refused inputs"):
        list(session.run_many([IMAGES[0], {"nothing": IMAGES[0]["x"]}]))


def test_every_physical_core_is_used_unless_threads_are_named(model, monkeypatch):
    one = replace(module.read_host(), cores=1)
    monkeypatch.setattr(module, "read_host", lambda: one)

    for asked, got in ((0, 1), (2, 2)):
        with OpenVino(threads=asked).open(model) as session:
            assert session._compiled.get_property("INFERENCE_NUM_THREADS") == got


def test_floats_are_computed_in_32_bits_unless_asked_otherwise(model):
    kinds = {}
    for arithmetic in ("f32", "bf16"):
        with OpenVino(arithmetic=arithmetic).open(model) as session:
            conv = next(node for node in session.ran() if node["layerType"] == "Convolution")
            kinds[arithmetic] = conv["runtimePrecision"]

    assert kinds["f32"] == "f32"
    assert kinds["bf16"] in {"bf16", "f32"}  # a processor without it stays in 32 bits


def test_the_time_of_every_node_is_told_where_it_is_asked_for(model):
    with OpenVino(profile=True).open(model) as session:
        session.run(IMAGES[0])
        taken = session.node_times_us()

    assert any("Conv" in name for name in taken)
    assert all(us >= 0 for us in taken.values())
    assert sum(taken.values()) > 0


def test_its_own_format_computes_the_same(model, tmp_path):
    write_ir(model, tmp_path / "model.xml")

    with RUNTIME.open(tmp_path / "model.xml") as session, RUNTIME.open(model) as other:
        np.testing.assert_array_equal(session.run(IMAGES[0])["y"], other.run(IMAGES[0])["y"])


def test_halved_weights_take_half_the_room(model, tmp_path):
    write_ir(model, tmp_path / "whole.xml")
    write_ir(model, tmp_path / "half.xml", halved=True)

    sizes = [(tmp_path / f"{stem}.bin").stat().st_size for stem in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]


def test_a_compiled_network_is_kept_in_the_cache(model, tmp_path):
    backend = OpenVino(cache=tmp_path / "compiled")
    with backend.open(model) as session:
        first = session.run(IMAGES[0])

    assert [file.suffix for file in (tmp_path / "compiled").iterdir()] == [".blob"]
    with backend.open(model) as session:
        np.testing.assert_array_equal(session.run(IMAGES[0])["y"], first["y"])


def test_a_cache_that_cannot_be_written_is_a_warning(model, tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")

    with OpenVino(cache=tmp_path / "file").open(model) as session:
        assert session.run(IMAGES[0])

    assert f"Cannot keep compiled networks in {tmp_path / 'file'}" in caplog.text
    assert "Set EDGEKIT_CACHE." in caplog.text


def test_what_is_no_model_is_refused_with_the_file(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")

    with pytest.raises(StageError, match=r"OpenVINO cannot read .*model\.onnx"):
        RUNTIME.open(tmp_path / "model.onnx")
    with pytest.raises(StageError, match="OpenVINO cannot read the network"):
        RUNTIME.open(b"nothing of the kind")


def test_an_operator_that_it_has_not_is_named():
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [4])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [4])
    node = onnx.helper.make_node("Bespoke", ["x"], ["y"], domain="elsewhere")
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("elsewhere", 1)]
    graph = onnx.helper.make_graph([node], "g", [x], [y])
    model = onnx.helper.make_model(graph, opset_imports=opsets)

    with pytest.raises(StageError, match=r"elsewhere\.Bespoke"):
        RUNTIME.open(model.SerializeToString())


def test_a_processor_that_is_not_here_is_named_with_what_tells_more(model):
    with pytest.raises(StageError, match=r"for its NPU device.*edgekit doctor"):
        OpenVino(processor="npu").open(model)


@pytest.mark.parametrize(
    "feeds", [{"x": np.zeros((1, 3, 9, 9), np.float32)}, {"other": IMAGES[0]["x"]}]
)
def test_inputs_that_do_not_fit_are_refused(model, feeds):
    with RUNTIME.open(model) as session, pytest.raises(StageError, match="OpenVINO refused inputs"):
        session.run(feeds)


def test_a_closed_session_says_so(model):
    with RUNTIME.open(model) as session:
        pass

    with pytest.raises(StageError, match="closed"):
        session.run(IMAGES[0])
    with pytest.raises(StageError, match="closed"):
        list(session.run_many(IMAGES))


def test_without_the_package_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'edgekit\[openvino\]'"):
        openvino_package()


def test_an_operator_it_has_not_is_told_without_what_fails_after_it():
    windows = "<kernel_shape = [2, 2], strides = [2, 2]>"
    text = f"""g (float[1,3,8,8] x) => (y) {{
        p, i = MaxPool {windows} (x) u = MaxUnpool {windows} (p, i) y = Conv(u, w)
    }}"""

    with pytest.raises(StageError) as refused:
        RUNTIME.open(graph_to_bytes(network(text, w=normal(4, 3, 3, 3))))

    assert "the network: No conversion rule found for operations: MaxUnpool-17. Convert" in str(
        refused.value
    )


def test_of_what_it_says_the_reason_is_kept():
    said = "Exception from src/core.cpp:12:\nCheck 'a == b' failed at src/x.cpp:4:\nIt is so.\n\n"

    assert reason_of(RuntimeError(said)) == "It is so"
    assert reason_of(RuntimeError("")) == "no reason given"
