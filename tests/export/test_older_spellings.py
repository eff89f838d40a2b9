import numpy as np
import pytest

from edgekit.errors import ConfigError
from edgekit.export.lower_opset import lower_opset
from edgekit.graphs import graph_from_proto
from tests.export.opsets import feeds_of, graph_of, largest_difference, op_types, outputs
from tests.networks import proto

IMAGE = "g (float[1,6,4,5] x) => (y)"
ROUNDING = 1e-6  # where a runtime has another kernel for the newer operator
AXES = np.array([1, 3])
# The text, the opset it is of, its constants.
SPELLINGS = {
    "pad, two axes": ("{ y = Pad(x, p, , a) }", 18, {"p": np.array([1, 2, 0, 3]), "a": AXES}),
    "pad, from behind": ("{ y = Pad(x, p, v, a) }", 21, {"p": np.array([2, 1]), "a": [-1]}),
    "split, even": ("{ y, z = Split<axis=1, num_outputs=2>(x) }", 18, {}),
    "split, uneven": ("{ y, z, w = Split<axis=-1, num_outputs=3>(x) }", 18, {}),
    "resize, axes and scales": (
        '{ y = Resize<axes=[2,3], mode="linear">(x, , s) }',
        18,
        {"s": np.float32([2, 3])},
    ),
    "resize, axes and sizes": ("{ y = Resize<axes=[3]>(x, , , n) }", 19, {"n": [10]}),
    "resize, antialias of a larger image": (
        '{ y = Resize<antialias=1, mode="linear">(x, , s) }',
        18,
        {"s": np.float32([1, 1, 2, 1.5])},
    ),
    "reshape": ("{ y = Reshape<allowzero=1>(x, n) }", 18, {"n": [6, 20]}),
    "shape of everything": ("{ y = Shape<start=0, end=4>(x) }", 18, {}),
    "cast": ("{ y = Cast<to=7, saturate=1>(x) }", 19, {}),
    "average pool": ("{ y = AveragePool<kernel_shape=[2,2], dilations=[1,1]>(x) }", 19, {}),
    "batch normalization": ("{ y = BatchNormalization<training_mode=0>(x, g, g, g, g) }", 15, {}),
    "quantize": (
        "{ q = QuantizeLinear<output_dtype=3>(x, s) y = DequantizeLinear(q, s) }",
        21,
        {"s": np.float32(0.02)},
    ),
    "quantize per channel": (
        "{ q = QuantizeLinear<axis=1, output_dtype=2>(x, s) y = DequantizeLinear<axis=1>(q, s) }",
        23,
        {"s": np.float32([0.02, 0.01, 0.03, 0.02, 0.05, 0.1])},
    ),
}


def arrays(constants):
    typed = {name: np.asarray(value) for name, value in constants.items()}
    return typed | {"v": np.float32(0.5), "g": np.ones(6, np.float32)}


def used(text, constants):
    return {name: a for name, a in arrays(constants).items() if f" {name}" in text.split("(", 1)[1]}


def case(name):
    text, opset, constants = SPELLINGS[name]
    return graph_of(f"{IMAGE} {text}", opset, **used(text, constants))


@pytest.mark.parametrize("name", SPELLINGS)
def test_the_older_spelling_computes_the_same(name):
    graph = case(name)

    assert largest_difference(graph, 13) <= ROUNDING
    assert op_types(lower_opset(graph, 13)) == op_types(graph)


@pytest.mark.parametrize("name", ["Max", "Mean", "Min", "Prod", "L1", "L2", "SumSquare"])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_reduction_gets_its_axes_as_an_attribute(name, keepdims):
    text = f"{IMAGE} {{ y = Reduce{name}<keepdims={keepdims}>(x, a) }}"
    graph = graph_of(text, 18, a=np.array([-1, 1]))

    assert largest_difference(graph, 17) == 0
    (node,) = lower_opset(graph, 17).model.graph
    assert node.attributes.get_ints("axes") == (-1, 1)


def test_a_sum_keeps_its_axes_which_were_an_input_before():
    graph = graph_of(f"{IMAGE} {{ y = ReduceSum(x, a) }}", 18, a=np.array([2]))

    assert largest_difference(graph, 13) == 0
    assert list(lower_opset(graph, 13).model.graph.initializers) == ["a"]


def test_a_reduction_of_everything_needs_no_axes():
    assert largest_difference(graph_of(f"{IMAGE} {{ y = ReduceMax(x) }}", 20), 13) == 0


def cast_like():
    """A graph whose node the normal form would spell as a Cast."""
    text = "g (float[3] x, int64[3] like) => (int64[3] y) { y = CastLike(x, like) }"
    return graph_from_proto(proto(text, 15))


def test_a_type_from_another_value_is_written_out():
    graph = cast_like()

    assert op_types(lower_opset(graph, 14)) == ["Cast"]
    assert largest_difference(graph, 14) == 0


@pytest.mark.parametrize("mode", ["linear", "cubic", "nearest"])
def test_the_modes_of_a_grid_sample_have_other_names(mode):
    text = "g (float[1,2,4,5] x, float[1,3,3,2] at) => (y)"
    graph = graph_of(f'{text} {{ y = GridSample<mode="{mode}">(x, at) }}', 20)

    assert largest_difference(graph, 16) == 0


REFUSED = {
    "axes that are computed": ("{ a = Shape(x) y = ReduceMean(x, a) }", 18, 17, "computed"),
    "no axes that keep all": ("{ y = ReduceMean<noop_with_empty_axes=1>(x) }", 18, 17, "nothing"),
    "padding around the corner": ('{ y = Pad<mode="wrap">(x, p4) }', 19, 18, "'wrap'"),
    "padding that is computed": ("{ p = Shape<start=2>(x) y = Pad(x, p, , a1) }", 18, 17, "comp"),
    "antialias of a smaller image": (
        '{ y = Resize<antialias=1, mode="linear">(x, , half) }',
        18,
        17,
        "antialias",
    ),
    "a policy": (
        '{ y = Resize<keep_aspect_ratio_policy="not_larger">(x, , , n4) }',
        18,
        17,
        "keep_aspect_ratio_policy is 'not_larger'",
    ),
    "symmetric coordinates": (
        '{ y = Resize<coordinate_transformation_mode="half_pixel_symmetric">(x, , half) }',
        19,
        18,
        "half_pixel_symmetric",
    ),
    "scales that are computed": (
        "{ n = Shape<start=2>(x) y = Resize<axes=[2,3]>(x, , , n) }",
        18,
        17,
        "sizes are computed",
    ),
    "a region and axes": (
        "{ y = Resize<axes=[2,3]>(x, roi, two) }",
        18,
        17,
        "region",
    ),
    "the largest in a place": (
        '{ y = ScatterElements<reduction="max">(x, at, x) }',
        18,
        17,
        "reduction 'max'",
    ),
    "a part of a shape": ("{ y = Shape<start=1>(x) }", 15, 14, "'start'"),
    "a zero in a shape": ("{ y = Reshape<allowzero=1>(x, zero) }", 14, 13, "'allowzero'"),
    "a wide pool": (
        "{ y = AveragePool<kernel_shape=[2,2], dilations=[2,2]>(x) }",
        19,
        18,
        "'dilations'",
    ),
    "sixteen bits without a zero point": (
        "{ q = QuantizeLinear<output_dtype=4>(x, unit) y = DequantizeLinear(q, unit) }",
        21,
        20,
        "UINT16 without",
    ),
    "sixteen bits": (
        "{ q = QuantizeLinear(x, unit, sixteen) y = DequantizeLinear(q, unit, sixteen) }",
        21,
        20,
        r"tensor\(uint16\)",
    ),
    "a scale per block": (
        "{ q = QuantizeLinear<axis=1, block_size=3>(x, block) y = Cast<to=1>(q) }",
        21,
        20,
        "'block_size'",
    ),
    "the type of a result": (
        "{ q = QuantizeLinear(x, unit) y = DequantizeLinear<output_dtype=10>(q, unit) }",
        23,
        21,
        "'output_dtype'",
    ),
}
CONSTANTS = {
    "p4": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "a1": np.array([2]),
    "half": np.float32([1, 1, 0.5, 0.5]),
    "two": np.float32([2, 2]),
    "roi": np.float32([0, 0, 1, 1]),
    "n4": np.array([1, 6, 8, 8]),
    "at": np.zeros((1, 6, 4, 5), np.int64),
    "zero": np.array([0, 2]),
    "unit": np.float32(0.1),
    "sixteen": np.uint16(7),
    "block": np.full((1, 2, 4, 5), 0.1, np.float32),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_older_opset_cannot_say_is_refused_by_name(name):
    text, source, target, reason = REFUSED[name]
    weights = {key: a for key, a in CONSTANTS.items() if f", {key}" in text}
    graph = graph_of(f"{IMAGE} {text}", source, **weights)

    with pytest.raises(ConfigError, match=rf"opset {target}.*'.*' \(.*{reason}"):
        lower_opset(graph, target)


def test_a_volume_is_no_image_to_sample():
    text = "g (float[1,1,2,2,2] x, float[1,2,2,2,3] at) => (y) { y = GridSample(x, at) }"

    with pytest.raises(ConfigError, match="samples only images"):
        lower_opset(graph_of(text, 20), 16)


def test_a_split_of_unknown_length_is_refused():
    graph = graph_of(f"{IMAGE} {{ y, z = Split<axis=1, num_outputs=2>(x) }}", 18)
    graph.model.graph[0].inputs[0].shape = None

    with pytest.raises(ConfigError, match="along axis 1 is not known"):
        lower_opset(graph, 17)


def test_a_cast_to_an_unknown_type_is_refused():
    graph = cast_like()
    graph.model.graph.inputs[1].type = None

    with pytest.raises(ConfigError, match="casts to is not known"):
        lower_opset(graph, 14)


def test_a_wrong_axis_would_be_seen():
    graph = case("pad, two axes")
    feeds = feeds_of(graph)
    lowered = lower_opset(graph, 13)
    lowered.model.graph[0].inputs[1].const_value.numpy()[:] = [0, 0, 1, 2, 0, 0, 0, 3]

    assert outputs(graph, feeds)["y"].shape != outputs(lowered, feeds)["y"].shape
