import numpy as np
import pytest

from edgekit.quantize.encode import encode_activation
from edgekit.quantize.plan import Link, plan
from edgekit.quantize.rules import ORT_X86
from edgekit.values import Join
from tests.networks import network
from tests.quantize.eight_bits import emulate, make, normal

WEIGHTS = {
    "w": normal(4, 4, 1, 1),
    "wide": normal(4, 8, 1, 1),
    "widest": normal(4, 12, 1, 1),
    "zero": np.float32(0),
    "six": np.float32(6),
    "one": np.float32(1),
    "half": np.float32(0.5),
    "fixed": normal(1, 4, 6, 6),
    "twice": np.float32([1, 1, 2, 2]),
}
TWO = "c = Conv(x, w) d = Conv(x, w)"
JOINED = "j = Concat<axis = 1>(c, d) y = Conv(j, wide)"
SIX = "float[1,4,6,6] x"


def planned(body, shared=(), outputs="y", inputs=SIX):
    graph = network(f"g ({inputs}) => ({outputs}) {{ {body} }}", **WEIGHTS)
    return plan(graph, ORT_X86, {}, shared)


def own(*names):
    return {name: Link(name) for name in names}


def leaders(found):
    return {value: link.leader for value, link in found.links.items() if link.leader != value}


def test_what_is_joined_and_nothing_else_takes_the_encoding_of_the_whole():
    found = planned(f"{TWO} {JOINED}")

    assert found.links == {**own("x", "j", "y"), "c": Link("j"), "d": Link("j")}
    assert found.joins == (Join("j", ("c", "d"), (), whole=True),)


@pytest.mark.parametrize(
    ("reader", "outputs"),
    [
        ("e = Conv(c, w)", "y, e"),
        ("e = Exp(c)", "y, e"),
        ("e = Mul(c, half)", "y, e"),
        ("", "y, c"),
    ],
)
def test_what_something_else_reads_too_keeps_its_own(reader, outputs):
    found = planned(f"{TWO} {JOINED} {reader}", outputs=outputs)

    assert leaders(found)["d"] == "j"
    assert found.links["c"] == Link("c")
    assert found.joins == (Join("j", ("d",), ("c",), whole=True),)


def test_where_a_join_shares_all_it_joins_takes_its_encoding():
    found = planned(f"{TWO} {JOINED} e = Conv(c, w)", ["j"], outputs="y, e")

    assert leaders(found) == {"c": "j", "d": "j"}


def test_to_move_a_value_is_not_to_read_it():
    pool = "p = MaxPool<kernel_shape = [3,3], pads = [1,1,1,1]>(c) q = Transpose(p)"

    found = planned(f"c = Conv(x, w) {pool} r = Transpose(q) j = Concat<axis = 1>(c, r) y = Exp(j)")

    assert leaders(found) == dict.fromkeys("cpqr", "j")


def test_a_join_that_is_joined_takes_the_encoding_of_the_last():
    outer = "k = Concat<axis = 1>(j, e) y = Conv(k, widest)"

    found = planned(f"{TWO} e = Conv(x, w) j = Concat<axis = 1>(c, d) {outer}")

    assert leaders(found) == dict.fromkeys("cdje", "k")


def test_joins_that_share_a_value_have_one_encoding():
    more = "k = Concat<axis = 1>(e, c) z = Conv(k, wide)"

    found = planned(f"{TWO} e = Conv(x, w) {JOINED} {more}", ["j", "k"], outputs="y, z")

    assert len({found.links[value].leader for value in "cdejk"}) == 1


@pytest.mark.parametrize(
    ("one", "other", "whole"),
    [
        ("Relu(a)", "Relu(b)", True),
        ("Clip(a, zero, six)", "Clip(b, zero, six)", True),
        ("Clip(a, zero, six)", "Clip(b, zero, one)", False),
        ("Relu(a)", "Clip(b, zero, six)", False),
        ("Relu(a)", "Conv(b, w)", False),
    ],
)
def test_what_vanishes_into_an_encoding_is_joined_with_the_like_alone(one, other, whole):
    body = f"a = Conv(x, w) b = Conv(x, w) c = {one} d = {other} {JOINED}"

    found = planned(body, ["j"])

    assert found.joins[0].whole == whole
    assert leaders(found).get("c") == ("j" if whole else None)


def test_what_clips_alike_is_known_through_a_join():
    rest = "e = Relu(f) k = Concat<axis = 1>(j, e) y = Conv(k, widest)"
    both = "c = Relu(a) d = Relu(b) j = Concat<axis = 1>(c, d)"

    found = planned(f"a = Conv(x, w) b = Conv(x, w) f = Conv(x, w) {both} {rest}")

    assert leaders(found) == dict.fromkeys("cdje", "k")


@pytest.mark.parametrize("other", ["fixed", "m"])
def test_a_join_with_a_constant_or_with_another_scale_is_not_whole(other):
    rescaled = "m = Mul(d, half) e = Exp(d)"

    found = planned(
        f"{TWO} {rescaled} j = Concat<axis = 1>(c, {other}) y = Conv(j, wide)", ["j"], "y, e"
    )

    assert found.joins == (Join("j", ("c",), (), whole=False),)
    assert leaders(found).get("d") is None


def test_integers_that_are_given_keep_their_encoding():
    body = "f = DequantizeLinear(x, half) m = MaxPool<kernel_shape = [1,1]>(f) c = Conv(f, w)"

    found = planned(
        f"{body} j = Concat<axis = 1>(m, c) y = Conv(j, wide)", ["j"], inputs="uint8[1,4,6,6] x"
    )

    assert found.links["m"] == Link("f")
    assert found.joins == (Join("j", ("c",), (), whole=False),)


def test_what_is_joined_is_rounded_once():
    text = (
        f"g ({SIX}) => (y) {{ {TWO} m = Mul(d, half) e = Sigmoid(m) y = Concat<axis = 1>(c, e) }}"
    )

    case = make(text, {"x": normal(1, 4, 6, 6)}, WEIGHTS)

    step = encode_activation(case.quantized.ranges["y"]).scale
    off = np.abs(case.integers()["y"] - emulate(case)["y"]) / step
    assert leaders(case.quantized.plan)["c"] == leaders(case.quantized.plan)["e"] == "y"
    assert off.max() < 1.01
    assert np.mean(off > 0.01) < 0.02
