import logging
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import DataError, MissingExtraError, StageError
from edgekit.graphs import graph_from_proto, graph_to_bytes
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.quantize.nncf import (
    NncfGoal,
    NncfOptions,
    quantize_by_nncf,
    quantize_by_nncf_within,
)
from edgekit.quantize.openvino_ops import operations_of
from edgekit.quantize.select import LAST, float_nodes
from tests.heads.detectors import yolov8
from tests.networks import network, proto
from tests.quantize.eight_bits import normal

pytestmark = [
    pytest.mark.openvino,
    pytest.mark.skipif(find_spec("nncf") is None, reason="needs the openvino extra"),
]

DIGITS = Path(__file__).resolve().parents[2] / "edgekit" / "models" / "digits.onnx"
SMALL = """g (float[1,4,16,16] x) => (y) {
    a = Conv<pads = [1, 1, 1, 1]>(x, first, bias)
    s = Sigmoid(a)
    m = Mul(a, s)
    c = Conv<pads = [1, 1, 1, 1]>(m, second, bias)
    r = Add(c, m)
    t = Relu(r)
    y = Conv(t, last, few)
}"""
FAST = NncfOptions()


@pytest.fixture(scope="module")
def small():
    """Two layers of 3 x 3, an activation of two nodes, a sum, and a last layer."""
    return network(
        SMALL,
        first=normal(8, 4, 3, 3, spread=0.3),
        second=normal(8, 8, 3, 3, spread=0.3),
        last=normal(6, 8, 1, 1, spread=0.3),
        bias=normal(8, spread=0.3),
        few=normal(6, spread=0.3),
    )


@pytest.fixture(scope="module")
def feeds():
    return [{"x": normal(1, 4, 16, 16, number)[..., 0]} for number in range(1, 5)]


@pytest.fixture(scope="module")
def digits():
    """The detector that ships with edgekit."""
    return network_of(prepare(DIGITS, ModelOptions()))


@pytest.fixture(scope="module")
def pictures(digits):
    """Smooth noise, as the network takes images."""
    name, size = digits.graph.model.graph.inputs[0].name, digits.preprocess.size_hw[0]
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (4, 1, size // 16, size // 16, 3), np.uint8)
    return [{name: c.repeat(16, axis=1).repeat(16, axis=2)} for c in coarse]


def count(model, kind="FakeQuantize"):
    return sum(op.get_type_name() == kind for op in model.get_ops())


def named(model):
    return {op.get_friendly_name(): op for op in model.get_ops()}


def kinds_of(model, graph, nodes):
    """The kinds of what computes ``nodes``, quantizers of what they read among them."""
    kinds = {name: op.get_type_name() for name, op in named(model).items()}
    found = operations_of(model, graph, nodes)
    return {kinds[op] for ops in found.values() for op in ops}


def stored_weights(model):
    """``(out, -1)`` integers of every quantized layer's weights, by operation."""
    found = {}
    for op in model.get_ordered_ops():
        if op.get_type_name() == "Convolution":
            at = op.input_value(1).get_node()
            while at.get_type_name() != "Constant":
                at = at.input_value(0).get_node()
            if at.get_element_type().is_integral():
                found[op.get_friendly_name()] = at.data.reshape(len(at.data), -1)
    return found


def compiled(model):
    import openvino

    return openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def in_float(graph, feed):
    with OnnxRuntime(threads=1, spin=False).open(graph_to_bytes(graph)) as session:
        return session.run(feed)


def noise_db(expected, found):
    return 10 * np.log10(np.square(expected).mean() / np.square(found - expected).mean())


@pytest.fixture(scope="module")
def kept(digits):
    return float_nodes(digits.graph, digits.decode, ())


@pytest.fixture(scope="module")
def made(digits, kept, pictures):
    return quantize_by_nncf(digits.graph, kept, pictures, FAST)


def test_the_detector_runs_in_8_bits_but_for_the_last_layers(digits, kept, made):
    layers = count(made, "Convolution")
    assert kinds_of(made, digits.graph, kept) == {"Convolution", "Add"}
    assert len(stored_weights(made)) == layers - len(kept) > 15
    assert count(made) > 15


def test_its_results_are_near_those_in_float_and_have_their_names(digits, made, pictures):
    expected = in_float(digits.graph, pictures[0])

    found = {port.get_any_name(): value for port, value in compiled(made)(pictures[0]).items()}

    assert list(found) == list(expected)
    assert all(15 < noise_db(expected[name], found[name]) < 60 for name in expected)


def test_the_same_network_and_images_give_the_same_file(digits, kept, made, pictures, tmp_path):
    import openvino

    again = quantize_by_nncf(digits.graph, kept, pictures, FAST)

    for name, model in (("first", made), ("second", again)):
        openvino.serialize(model, str(tmp_path / f"{name}.xml"))
    for kind in ("xml", "bin"):
        first, second = (tmp_path / f"{name}.{kind}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_last_layers_run_in_8_bits_where_they_are_not_kept(digits, kept, pictures):
    decode = {name: why for name, why in kept.items() if why != LAST}

    made = quantize_by_nncf(digits.graph, decode, pictures[:1], FAST)

    assert len(stored_weights(made)) == count(made, "Convolution")


def test_nothing_of_a_decode_left_in_the_network_is_quantized():
    net, model = yolov8()
    graph, decode = graph_from_proto(model), dict.fromkeys(net.labelled, "decode")
    image = {"image": normal(1, 3, 64, 64)}

    free, told = (quantize_by_nncf(graph, scope, [image], FAST) for scope in ({}, decode))

    assert "FakeQuantize" in kinds_of(free, graph, decode)
    assert "FakeQuantize" not in kinds_of(told, graph, decode)
    assert len(stored_weights(told)) == 9


def test_an_activation_of_which_one_node_is_kept_is_not_split(small, feeds):
    made = quantize_by_nncf(small, {"Sigmoid": "kept"}, feeds, FAST)

    assert kinds_of(made, small, {"Sigmoid": ""}) == {"Swish"}


@pytest.mark.parametrize(
    ("fix", "limits"),
    [
        ("disable", [127, 127, 127]),
        ("first-layer", [64, 127, 127]),
        ("enable", [64, 64, 64]),
    ],
)
def test_an_overflow_is_kept_from_layers_by_half_of_the_integers(small, feeds, fix, limits):
    made = quantize_by_nncf(small, {}, feeds, replace(FAST, overflow_fix=fix))

    largest = [int(np.abs(w.astype(int)).max()) for w in stored_weights(made).values()]
    assert largest == pytest.approx(limits, abs=1)


def test_only_the_mixed_preset_gives_an_activation_a_zero_point(small, feeds):
    def lowest(preset):
        made = quantize_by_nncf(small, {}, feeds, replace(FAST, preset=preset))
        low, high = (
            named(made)["Mul/fq_output_0"].input_value(i).get_node().data.item() for i in (1, 2)
        )
        return low / high

    assert lowest("performance") == pytest.approx(-128 / 127)  # of SiLU, above -0.279
    assert -0.5 < lowest("mixed") < 0


def test_what_the_options_say_reaches_nncf(small, feeds):
    options = NncfOptions("mixed", "enable", fast_bias_correction=False, device="npu")

    made = quantize_by_nncf(small, {"Conv_2": "last"}, iter(feeds), options)

    said = {
        key: made.get_rt_info(["nncf", "quantization", key]).astype(str)
        for key in ("preset", "target_device", "subset_size", "fast_bias_correction")
    }
    assert said == {
        "preset": "mixed",
        "target_device": "NPU",
        "subset_size": "4",
        "fast_bias_correction": "False",
    }


def test_stdout_stays_empty_and_the_log_works_again(small, feeds, capfd, caplog):
    quantize_by_nncf(small, {}, feeds, FAST)
    quantize_by_nncf_within(small, {}, feeds, FAST, NncfGoal(lambda _: 1.0, 0.0))

    assert capfd.readouterr() == ("", "")
    log = logging.getLogger("nncf")
    log.addHandler(caplog.handler)
    log.warning("again")
    log.removeHandler(caplog.handler)
    assert caplog.messages == ["again"]


def test_a_first_use_writes_nothing_to_stdout_and_reports_nothing(small, feeds, tmp_path):
    (tmp_path / "net.onnx").write_bytes(graph_to_bytes(small))
    np.save(tmp_path / "x.npy", feeds[0]["x"])
    code = (
        "import sys, numpy, onnx, edgekit.quantize.nncf as made\n"
        "from edgekit.graphs import graph_from_proto\n"
        "graph = graph_from_proto(onnx.load('net.onnx'))\n"
        "made.quantize_by_nncf(graph, {}, [{'x': numpy.load('x.npy')}], made.NncfOptions())\n"
        "from nncf.telemetry.wrapper import telemetry\n"
        "print(type(telemetry).__name__, file=sys.stderr)\n"
    )
    root = str(DIGITS.parents[2])
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "PYTHONPATH": root}
    (tmp_path / "home").mkdir()

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=tmp_path,
        env=environment,
    )

    assert (done.stdout, done.stderr) == ("", "MagicMock\n")
    assert list((tmp_path / "home").iterdir()) == []


def test_without_images_nothing_is_quantized(small):
    with pytest.raises(DataError, match=r"found none\. Give some with --calib"):
        quantize_by_nncf(small, {}, iter([]), FAST)


def test_a_kept_node_that_is_not_in_the_network_is_named(small, feeds):
    with pytest.raises(StageError, match="no node 'Conv_9'"):
        quantize_by_nncf(small, {"Conv_9": "kept"}, feeds, FAST)


def test_a_network_openvino_cannot_read_says_which_operation(feeds):
    text = "g (float[1,4,16,16] x) => (y) { y = com.microsoft.NoSuchThing(x) }"

    with pytest.raises(StageError, match=r"cannot read .*NoSuchThing.*--target ort-cpu-int8"):
        quantize_by_nncf(graph_from_proto(proto(text)), {}, feeds, FAST)


def test_what_nncf_raises_says_what_to_do(small):
    wrong = [{"x": np.zeros((1, 3, 16, 16), np.float32)}]

    with pytest.raises(StageError, match=r"NNCF stopped.*preset='mixed'.*keep_float.*--target"):
        quantize_by_nncf(small, {}, wrong, FAST)


@pytest.mark.parametrize("package", ["nncf", "openvino"])
def test_a_missing_package_says_how_to_install_it(monkeypatch, small, feeds, package):
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtraError, match=rf"needs '{package}'.*edgekit\[openvino\]"):
        quantize_by_nncf(small, {}, feeds, FAST)


class Scores:
    """A metric that gives these numbers, the last of them again and again."""

    def __init__(self, *numbers):
        self.numbers = numbers
        self.asked = 0

    def __call__(self, _):
        self.asked += 1
        return self.numbers[min(self.asked, len(self.numbers)) - 1]


def test_a_goal_met_at_once_costs_nothing_but_the_question(small, feeds):
    scores = Scores(1.0, 0.95)

    outcome = quantize_by_nncf_within(small, {}, feeds, FAST, NncfGoal(scores, 0.1))

    plain = quantize_by_nncf(small, {}, feeds, FAST)
    assert (outcome.float_score, outcome.score, outcome.met) == (1.0, 0.95, True)
    assert count(outcome.model) == count(plain)
    assert scores.asked == 3


def test_layers_go_back_to_float_until_the_goal_is_met(small, feeds):
    scores = Scores(1.0, 0.5, 0.95)

    outcome = quantize_by_nncf_within(small, {}, feeds, FAST, NncfGoal(scores, 0.1))

    plain = quantize_by_nncf(small, {}, feeds, FAST)
    assert outcome.met
    assert 0 < len(stored_weights(outcome.model)) < len(stored_weights(plain))
    assert scores.asked == 4


@pytest.mark.parametrize("rounds", [1, 50])
def test_a_goal_that_is_never_met_ends_and_says_so(small, feeds, rounds):
    goal = NncfGoal(Scores(1.0, 0.5), 0.1, max_rounds=rounds)

    outcome = quantize_by_nncf_within(small, {}, feeds, FAST, goal)

    assert (outcome.score, outcome.met) == (0.5, False)
    left = len(stored_weights(outcome.model))
    assert left > 0 if rounds == 1 else left == 0


def test_the_layer_that_spoils_most_goes_back_first(feeds):
    """One channel of ``h``, which nothing follows, leaves the others no resolution in 8 bits."""
    text = """g (float[1,4,16,16] x) => (y) {
        a = Conv(x, first)
        r = Relu(a)
        b = Conv(r, second)
        h = Conv(b, huge)
        y = Conv(h, back)
    }"""
    huge = np.eye(8, dtype=np.float32)[:, :, None, None]
    spoiling = huge.copy()
    spoiling[0] *= 3000
    graph = network(
        text,
        first=normal(8, 4, 1, 1),
        second=normal(8, 8, 1, 1),
        huge=spoiling,
        back=np.delete(np.eye(8), 0, 0)[:, :, None, None].astype(np.float32),
    )

    outcome = quantize_by_nncf_within(
        graph, {}, feeds, FAST, NncfGoal(Scores(1.0, 0.5, 1.0), 0.1, ranking_images=2)
    )

    in_8_bits = set(stored_weights(outcome.model))
    assert {"Conv", "Conv_1"} <= in_8_bits
    assert not {"Conv_3", "y"} & in_8_bits


def test_what_the_metric_raises_comes_out_as_it_is(small, feeds):
    def failing(_):
        raise DataError("no image")

    with pytest.raises(DataError, match="no image"):
        quantize_by_nncf_within(small, {}, feeds, FAST, NncfGoal(failing, 0.1))
