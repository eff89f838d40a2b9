from __future__ import annotations

import numpy as np
import pytest

from edgekit.graphs import graph_from_proto, graph_to_bytes
from edgekit.heads.probing.dataflow import find_decode
from edgekit.heads.probing.runner import image_like, open_decode
from edgekit.values import TensorInfo
from tests.heads import detectors as nets
from tests.heads.net import Net


@pytest.mark.parametrize("build", [nets.yolov8, nets.yolov8_raw, nets.yolox])
def test_the_decode_alone_gives_what_the_whole_graph_gives(build, backend):
    graph = graph_from_proto(build()[1])
    outputs = [v.name for v in graph.model.graph.outputs]

    with open_decode(graph, find_decode(graph), outputs, backend) as runner:
        given = runner.run({name: runner.natural[name] for name in runner.raws})

    with backend.open(graph_to_bytes(graph)) as session:
        whole = session.run({"image": image_like(session.inputs[0])})
    for name in outputs:
        np.testing.assert_allclose(given[name], whole[name], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(runner.natural[name], whole[name], rtol=1e-4, atol=1e-4)
    assert runner.input_hw == (64, 64)


def test_outputs_that_are_raw_need_no_session(backend):
    graph = graph_from_proto(nets.yolov8_raw(joined=False)[1])
    outputs = [v.name for v in graph.model.graph.outputs]

    with open_decode(graph, find_decode(graph), outputs, backend) as runner:
        given = runner.run({name: runner.natural[name] for name in runner.raws})

    assert runner.session is None
    assert set(given) == set(outputs)


def test_a_value_of_which_only_the_shape_is_read_needs_no_feature(backend):
    net = Net()
    feature = net.op("Relu", net.conv("image", 3, 8))
    out = net.op("Reshape", net.conv(feature, 8, 8), net.op("Shape", feature))
    graph = graph_from_proto(net.model(out))

    with open_decode(graph, find_decode(graph), [out], backend) as runner:
        (raw,) = runner.raws
        given = runner.run({raw: runner.natural[raw]})

    np.testing.assert_array_equal(given[out], runner.natural[out])


@pytest.mark.parametrize(
    ("dtype", "shape", "top"),
    [("float", (1, 3, 20, 30), 1), ("float", (1, 20, 30, 3), 1), ("uint8", (1, 3, 20, 30), 255)],
)
def test_an_image_like_input_is_in_range_smooth_and_repeatable(dtype, shape, top):
    tensor = TensorInfo("image", dtype, shape)

    image = image_like(tensor)

    assert (image.shape, image.dtype.kind) == (shape, "u" if dtype == "uint8" else "f")
    assert image.min() >= 0
    assert top * 0.5 < image.max() <= top
    np.testing.assert_array_equal(image, image_like(tensor))
    rows = image.astype(np.float64)[0, 0] if shape[1] == 3 else image[0, :, :, 0]
    assert np.abs(np.diff(rows)).mean() < rows.std()
