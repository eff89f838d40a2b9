from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from edgekit.backends import node_times as module
from edgekit.backends.node_times import RUNS, node_times
from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.backends.openvino import OpenVino, OpenVinoSession
from edgekit.graphs import graph_to_bytes
from tests.networks import network

RUNTIME = OnnxRuntime(threads=1, spin=False)
SIDE = 64
PAIR = f"""
pair (float[1, 8, {SIDE}, {SIDE}] x) => (float[1, 8, {SIDE}, {SIDE}] y) {{
    a = Conv <pads = [1, 1, 1, 1]> (x, w)
    b = Relu(a)
    y = Conv <pads = [1, 1, 1, 1]> (b, w)
}}
"""
# The same pair with the value between them in 8 bits, written as quantization writes it.
BORDERED = f"""
pair (float[1, 8, {SIDE}, {SIDE}] x) => (float[1, 8, {SIDE}, {SIDE}] y)
<float scale = {{0.1}}, uint8 zero = {{128}}> {{
    a = Conv <pads = [1, 1, 1, 1]> (x, w)
    b = Relu(a)
    b_quantized = QuantizeLinear(b, scale, zero)
    b_dequantized = DequantizeLinear(b_quantized, scale, zero)
    y = Conv <pads = [1, 1, 1, 1]> (b_dequantized, w)
}}
"""
WEIGHT = np.random.default_rng(0).normal(size=(8, 8, 3, 3)).astype(np.float32)
FEEDS = {"x": np.ones((1, 8, SIDE, SIDE), np.float32)}


@pytest.fixture(scope="module")
def pair():
    return network(PAIR, w=WEIGHT)


@pytest.fixture(scope="module")
def bordered():
    return network(BORDERED, w=WEIGHT)


def names(graph):
    return [node.name for node in graph.model.graph]


def profile(tmp_path, durations):
    """A file as the runtime writes it: ``durations`` of each node, one after another."""
    events = [
        {"cat": "Node", "name": f"{name}_kernel_time", "dur": duration}
        for name, each in durations.items()
        for duration in each
    ]
    events += [{"cat": "Session", "name": "model_run", "dur": 1e6}]
    events += [{"cat": "Node", "name": "Conv_fence_before", "dur": 1e6}]
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(events))
    return path


def test_every_time_has_a_node_of_the_network_or_is_a_border(pair):
    (found,) = node_times([pair], names(pair), FEEDS, RUNTIME)

    assert found.of_nodes.keys() <= set(names(pair))
    assert all(time_us > 0 for time_us in found.of_nodes.values())
    # The activation is part of one of the convolutions, under whichever name.
    assert len(found.of_nodes) == 2
    assert "Conv_1" in found.of_nodes


def test_what_quantization_put_between_two_nodes_is_a_border(pair, bordered):
    plain, found = node_times([pair, bordered], names(pair), FEEDS, RUNTIME)

    inserted = set(names(bordered)) - set(names(pair))
    assert {name.partition("_")[0] for name in inserted} == {"QuantizeLinear", "DequantizeLinear"}
    assert found.of_nodes.keys() == plain.of_nodes.keys()
    assert found.borders > plain.borders


@pytest.mark.parametrize("make", ["pair", "bordered"])
def test_openvino_names_its_layers_and_together_they_take_a_run(request, make):
    graph, runtime = request.getfixturevalue(make), OpenVino(threads=1)

    (found,) = node_times([graph], ["Conv", "Relu", "Conv_1"], FEEDS, runtime)

    assert {"Conv", "Conv_1"} <= found.of_nodes.keys() <= {"Conv", "Relu", "Conv_1"}
    assert found.of_nodes["Conv"] > 0
    assert found.of_nodes["Conv_1"] > 0
    (run_us,) = module._run_times([graph_to_bytes(graph)], FEEDS, runtime)
    assert run_us / 20 < found.total < 20 * run_us
    assert found.borders < 0.9 * found.total


def test_openvino_tells_a_median_of_runs_without_the_first_round(pair, monkeypatch):
    told = iter([{"Conv": 1e9}] * RUNS + [{"Conv": 7.0}] * RUNS * (module.ROUNDS - 1))
    monkeypatch.setattr(OpenVinoSession, "node_times_us", lambda _: next(told))

    found = module._profile_openvino([graph_to_bytes(pair)], FEEDS, OpenVino(threads=1))

    assert found == [{"Conv": 7.0}]


def test_the_profile_shares_out_what_a_run_takes_without_one(pair, monkeypatch):
    profiled = [{"Conv": 3.0, "Conv_1": 5.0, "ReorderInput": 2.0}] * 2
    monkeypatch.setattr(module, "_profile_onnxruntime", lambda *_: profiled)
    monkeypatch.setattr(module, "_run_times", lambda *_: [5.0, 20.0])

    first, second = node_times([pair, pair], names(pair), FEEDS, RUNTIME)

    assert (first.of_nodes, first.borders) == ({"Conv": 1.5, "Conv_1": 2.5}, 1.0)
    assert (second.of_nodes, second.borders) == ({"Conv": 6.0, "Conv_1": 10.0}, 4.0)
    assert (first.total, second.total) == (5.0, 20.0)


def test_runs_that_warm_up_do_not_count(pair, monkeypatch):
    turn = [1e9] * module.WARMING + [7.0] * module.TIMED
    times = iter(turn * module.TURNS)
    monkeypatch.setattr(module, "_run_us", lambda *_: next(times))

    assert module._run_times([graph_to_bytes(pair)], FEEDS, RUNTIME) == [7.0]


def test_the_sum_is_what_a_run_takes_but_for_an_order_of_magnitude(pair):
    (found,) = node_times([pair], names(pair), FEEDS, RUNTIME)

    with RUNTIME.open(graph_to_bytes(pair)) as session:
        session.run(FEEDS)
        start = time.perf_counter()
        for _ in range(20):
            session.run(FEEDS)
        run_us = (time.perf_counter() - start) / 20 * 1e6
    assert run_us / 20 < found.total < 20 * run_us


def test_the_first_round_only_warms_up_and_only_kernels_count(tmp_path):
    runs = [1000] * RUNS + [1, 2, 3]

    assert module._medians(profile(tmp_path, {"Conv": runs, "Relu": runs[::-1]})) == {
        "Conv": 2,
        "Relu": 1000,
    }


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("Conv", "Conv"),
        ("Conv_token_7", "Conv"),
        ("Conv_1_token_7", "Conv_1"),
        ("Conv_12_token_7", "Conv"),  # of a network that has no twelfth: the runtime's own number
        ("Convolved", ""),
        ("b_nchwc", "Relu"),
        ("b_quantized", ""),
        ("QuantizeLinear_token_3", ""),
        ("ReorderOutput_token_3", ""),
    ],
)
def test_the_longest_name_in_front_tells_the_owner(bordered, name, owner):
    owners = module._owners(bordered, ["Conv", "Relu", "Conv_1"])

    assert owners.get(module._known_start(name, owners), "") == owner


def test_times_of_one_owner_add_up():
    owners = {"a": "first", "first": "first", "between": ""}
    times = {"a_nchwc": 2.0, "first_token_1": 3.0, "between": 5.0, "Reorder": 7.0}

    found = module._by_owner(times, owners)

    assert (found.of_nodes, found.borders) == ({"first": 5.0}, 12.0)


def test_a_profile_is_left_nowhere(pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    node_times([pair], names(pair), FEEDS, replace(RUNTIME, optimize=False))

    assert list(tmp_path.iterdir()) == []
