from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import ParityError
from edgekit.graphs import graph_to_bytes
from edgekit.reparam.parity import (
    TOLERANCE,
    comparable_values,
    compare,
    evaluate,
    prove_parity,
    rounding_noise,
)
from tests.networks import network
from tests.strategies import seeds

RUNTIME = OnnxRuntime(threads=1)
SCALED = "g (float[1,3,4] x) => (float[1,3,4] y, float[1,3,4] z) { y = Relu(x) z = Mul(x, k) }"
X = {"x": np.linspace(-1, 1, 12, dtype=np.float32).reshape(1, 3, 4)}


def scaled(by: float):
    return network(SCALED, k=np.float32(by).reshape(1))


def test_equal_graphs_have_no_difference():
    parity = prove_parity(scaled(2), scaled(2), RUNTIME, [X, X])
    assert (parity.max_abs, parity.max_rel, parity.runs) == (0.0, 0.0, 2)
    assert parity.compared == ("y", "z")


def test_the_output_that_differs_is_named_with_both_values():
    with pytest.raises(ParityError, match=r"'z' at \[0, \d, \d\]: expected -?\d.*found -?\d"):
        prove_parity(scaled(2), scaled(2.01), RUNTIME, [X])


def test_a_small_difference_is_reported_and_passes():
    parity = prove_parity(scaled(2), scaled(2.0001), RUNTIME, [X])
    assert 0 < parity.max_rel < 1e-4
    assert parity.worst == "z"


def test_another_shape_is_an_error():
    flat = network("g (float[1,3,4] x) => (y, z) { y = Relu(x) z = Flatten(x) }")
    with pytest.raises(ParityError, match=r"shape of 'z': expected \(1, 3, 4\), found \(1, 12\)"):
        prove_parity(scaled(2), flat, RUNTIME, [X])


def test_a_lost_output_is_an_error():
    other = network("g (float[1,3,4] x) => (y) { y = Relu(x) }")
    with pytest.raises(ParityError, match="no value 'z'"):
        prove_parity(scaled(2), other, RUNTIME, [X])


def test_what_a_top_k_selects_from_is_compared_in_place_of_what_it_selects():
    graph = network(
        """g (float[1,9] x) => (float[1,2] v, int64[1,2] i, float[1,9] r)
        { s = Sigmoid(x) r = Relu(x) v, j = TopK(s, k) i = Add(j, j) }""",
        k=np.array([2]),
    )
    assert comparable_values(graph) == ("s", "r")


def test_shapes_and_constants_in_front_of_a_selection_are_not_compared():
    graph = network(
        """g (float[1,9] x) => (float[1,3] v)
        { s = Sigmoid(x) n = Shape(x) m = Gather(n, one) k = Div(m, three) v, i = TopK(s, k) }""",
        one=np.array([1]),
        three=np.array([3]),
    )
    assert comparable_values(graph) == ("s",)


def test_a_selection_straight_from_the_input_is_compared_itself():
    graph = network("g (float[1,9] x) => (v, i) { v, i = TopK(x, k) }", k=np.array([2]))
    assert comparable_values(graph) == ("v", "i")


def test_a_score_channel_is_held_to_its_own_scale_beside_boxes_in_pixels():
    wanted = np.stack([np.full(50, 600.0), np.full(50, 0.5)])[None]
    found = wanted.copy()
    found[0, 1, 7] = 0.49
    with pytest.raises(ParityError, match=r"\[0, 1, 7\]: expected 0.5, found 0.49"):
        compare([{"y": wanted}], [{"y": found}])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_no_number_only_equals_itself(bad):
    wanted = np.array([1.0, bad])
    assert compare([{"y": wanted}], [{"y": wanted.copy()}]).max_abs == 0.0
    with pytest.raises(ParityError, match="found 2"):
        compare([{"y": wanted}], [{"y": np.array([1.0, 2.0])}])
    with pytest.raises(ParityError, match="expected 2"):
        compare([{"y": np.array([1.0, 2.0])}], [{"y": wanted}])


def test_empty_outputs_are_equal():
    assert compare([{"y": np.zeros((0, 4))}], [{"y": np.zeros((0, 4))}]).max_rel == 0.0


@given(seeds, st.floats(1e-3, 1e3))
def test_a_relative_change_beyond_the_tolerance_never_passes(seed, size):
    wanted = np.random.default_rng(seed).uniform(1, 2, (1, 4, 5)) * size
    found = wanted * 1.01
    with pytest.raises(ParityError):
        compare([{"y": wanted}], [{"y": found}])


WAVES = "g (float[1,20,25] x) => (float[1,20,25] y) { a = Mul(x, k) b = Mul(a, m) y = Sin(b) }"
WAVE = "g (float[1,20,25] x) => (float[1,20,25] y) { b = Mul(x, k) y = Sin(b) }"
DRAWN = {"x": np.random.default_rng(0).random((1, 20, 25), np.float32)}


def waves():
    """A network that makes of the last digit of its input the second of its output."""
    return network(WAVES, k=np.float32([170.3]), m=np.float32([210.7]))


def wave(by: float = 1.0):
    """The same in one step."""
    return network(WAVE, k=np.float32([by * np.float64(170.3) * 210.7]))


def test_a_rewrite_may_do_what_rounding_alone_does():
    parity = prove_parity(waves(), wave(), RUNTIME, [DRAWN])

    assert parity.max_rel > TOLERANCE
    assert parity.max_rel <= 4 * parity.noise


def test_what_is_wrong_goes_beyond_what_rounding_does():
    with pytest.raises(ParityError, match=r"'y' at .* where 0\.0\d+ is allowed"):
        prove_parity(waves(), wave(1.0001), RUNTIME, [DRAWN])


def test_rounding_is_not_asked_for_where_the_tolerance_is_met():
    assert prove_parity(scaled(2), scaled(2.0001), RUNTIME, [X]).noise == 0.0


def test_noise_is_what_a_step_in_the_last_digit_makes():
    doubled = network("g (float[1,3,4] x) => (float[1,3,4] y) { y = Add(x, x) }")
    ones = {"x": np.ones((1, 3, 4), np.float32)}

    run = partial(evaluate, doubled, "y", RUNTIME)
    (noise,) = rounding_noise(run, [ones], [{"y": 2 * ones["x"]}])

    step = 2.0**-23  # from 1 up; down it is half of that
    assert noise == {"y": pytest.approx(step / 2)}  # relative to a value and to its channel


def test_no_noise_makes_everything_equal():
    far = [{"y": np.ones((1, 3))}], [{"y": np.full((1, 3), 3.0)}]

    with pytest.raises(ParityError, match=r"where 0\.5 is allowed"):
        compare(*far, noise=[{"y": np.inf}])


def test_whole_numbers_round_nowhere():
    text = "g (uint8[1,3] x) => (float[1,3] y) { f = Cast<to=1>(x) y = Mul(f, k) }"
    before, after = (network(text, k=np.float32([k])) for k in (1, 1.01))
    pixels = {"x": np.array([[1, 2, 3]], np.uint8)}

    with pytest.raises(ParityError, match=r"where 0\.001 is allowed"):
        prove_parity(before, after, RUNTIME, [pixels])


def test_a_size_that_depends_on_rounding_is_as_noisy_as_can_be():
    graph = network(
        "g (float[1,40] x) => (y) { b = Mul(x, k) s = Sin(b) p = Greater(s, z) y = NonZero(p) }",
        k=np.float32([1e8]),
        z=np.float32([0]),
    )
    feeds = {"x": DRAWN["x"].reshape(1, -1)[:, :40]}
    with RUNTIME.open(graph_to_bytes(graph)) as session:
        expected = session.run(feeds)

    run = partial(evaluate, graph, "y", RUNTIME)
    assert rounding_noise(run, [feeds], [expected])[0]["y"] == np.inf
