import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.calibrate.collect import collect
from edgekit.calibrate.importance import importance
from edgekit.heads.spec import DistancesHead, Level, View
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, spin=False)
rng = np.random.default_rng(0)
SIDE = 6
SHAPE = f"float[1,2,{SIDE},{SIDE}]"
# One class in front of four distances; the first layer's second channel is read by nobody.
WEIGHTS = {
    "w": rng.normal(size=(3, 2, 1, 1)).astype(np.float32),
    "v": np.concatenate([rng.normal(size=(5, 1, 1, 1)), np.zeros((5, 1, 1, 1))], axis=1)
    .repeat([1, 2], axis=1)
    .astype(np.float32),
}
HEAD = DistancesHead(
    input_hw=(SIDE * 8, SIDE * 8),
    classes=1,
    activation="sigmoid",
    bins=1,
    parts=(
        Level(
            boxes=View(output="y", axis=1, columns=(1, 5)),
            scores=View(output="y", axis=1, columns=(0, 1)),
            stride=8,
            grid_hw=(SIDE, SIDE),
        ),
    ),
)
IMAGES = [rng.normal(size=(1, 2, SIDE, SIDE)).astype(np.float32) for _ in range(3)]


def found(text, names, head=HEAD):
    graph = network(f"g ({SHAPE} x) => (y) {{ {text} }}", **WEIGHTS)
    statistics = collect(graph, names, ({"x": image} for image in IMAGES), RUNTIME)
    each = importance(graph, statistics, head, ({"x": image} for image in IMAGES), RUNTIME)
    return each, statistics


def test_every_value_that_reaches_a_prediction_has_importance():
    each, statistics = found("c = Conv(x, w) r = Relu(c) y = Conv(r, v)", ["x", "c", "r", "y"])

    assert set(each) == {"x", "c", "r", "y"}
    for name, bins in each.items():
        counts = statistics.tensors[name].counts
        assert bins.shape == counts.shape
        assert (counts[bins > 0] > 0).all()


def test_what_an_activation_hides_is_judged_behind_it():
    each, statistics = found("c = Conv(x, w) r = Relu(c) y = Conv(r, v)", ["c", "r"])

    below = statistics.tensors["c"].centers < -0.1
    assert each["c"].sum() == pytest.approx(each["r"].sum())
    assert each["c"][below].sum() > 0  # the gradient is that of the ReLU's output, whatever it is


def test_a_value_that_no_prediction_comes_of_has_none():
    graph = network(
        f"g ({SHAPE} x) => (y, z) {{ c = Conv(x, w) y = Conv(c, v) z = Neg(c) }}", **WEIGHTS
    )
    statistics = collect(graph, ["c", "z"], ({"x": image} for image in IMAGES), RUNTIME)

    each = importance(graph, statistics, HEAD, ({"x": i} for i in IMAGES), RUNTIME)

    assert set(each) == {"c"}


def test_where_no_gradient_is_known_there_is_no_importance():
    each, _ = found("c = Conv(x, w) r = Sin(c) y = Conv(r, v)", ["c", "r"])

    assert set(each) == {"r"}
