from __future__ import annotations

import numpy as np
import pytest

from edgekit.errors import HeadError
from edgekit.graphs import graph_from_proto
from edgekit.heads.probing.dataflow import constant, find_decode, is_raw, stage_values
from tests.heads import detectors as nets
from tests.heads.net import Net


def decode_of(net, *outputs):
    return find_decode(graph_from_proto(net.model(*outputs)))


def names(decode):
    return {n.name for n in decode.nodes}


def test_the_decode_starts_behind_the_last_learned_layers():
    net, model = nets.yolov8()

    decode = find_decode(graph_from_proto(model))

    assert names(decode) == net.labelled
    assert len(decode.raws) == 6
    assert decode.shaped == ()


def test_a_batch_norm_and_a_bias_belong_to_their_layer():
    net = Net()
    x = net.conv("image", 3, 8)
    statistics = (net.rng.uniform(1, 2, 8) for _ in range(4))
    normed = net.op("BatchNormalization", x, *statistics)
    biased = net.op("Add", normed, net.rng.normal(size=(1, 8, 1, 1)))
    out = net.op("Sigmoid", biased)

    decode = decode_of(net, out)

    assert decode.raws == (biased,)
    assert names(decode) == {"Sigmoid_3"}


@pytest.mark.parametrize("shape", [(1, 8, 64, 64), (1, 1, 64, 64), (1,)])
def test_a_grid_that_is_added_is_decode(shape):
    net = Net()
    x = net.conv("image", 3, 8)
    out = net.op("Add", x, net.rng.normal(size=shape))

    assert decode_of(net, out).raws == (x,)


def test_a_layer_whose_weights_nobody_learned_is_decode():
    net = Net()
    x = net.conv("image", 3, 16)
    bins = net.op("Conv", net.op("Softmax", x, axis=1), np.arange(16.0).reshape(1, 16, 1, 1))
    corners = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])
    boxes = net.op("MatMul", net.op("Reshape", bins, np.array([1, -1, 4])), corners)

    decode = decode_of(net, boxes)

    assert decode.raws == (x,)
    assert len(decode.nodes) == 4


def test_a_value_of_which_only_the_shape_is_read_is_not_followed():
    net = Net()
    feature = net.op("Relu", net.conv("image", 3, 8))
    x = net.conv(feature, 8, 8)
    out = net.op("Reshape", x, net.op("Shape", feature))

    decode = decode_of(net, out)

    assert (decode.raws, decode.shaped) == ((x,), (feature,))


def test_an_output_without_a_learned_layer_is_refused():
    net = Net()

    with pytest.raises(HeadError, match="image"):
        decode_of(net, net.op("Sigmoid", "image"))


def test_a_stage_is_what_the_top_k_chooses_from():
    plain, picked = (find_decode(graph_from_proto(b()[1])) for b in (nets.yolov8, nets.end_to_end))
    produced = {o.name for n in picked.nodes for o in n.outputs}

    assert stage_values(plain) == ()
    assert set(stage_values(picked)) < produced


def test_constants_and_raw_values_are_told_from_the_rest():
    net = Net()
    x = net.conv("image", 3, 8)
    out = net.op("Sigmoid", x)
    graph = graph_from_proto(net.model(out)).model.graph
    conv, sigmoid = list(graph)

    assert constant(conv.inputs[1]).shape == (8, 3, 1, 1)
    assert constant(conv.inputs[0]) is None
    assert constant(None) is None
    assert [is_raw(v) for v in (conv.outputs[0], sigmoid.outputs[0], conv.inputs[0])] == [
        True,
        False,
        False,
    ]
