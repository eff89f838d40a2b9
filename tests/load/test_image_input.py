from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.errors import ModelError
from edgekit.graphs import graph_from_proto
from edgekit.load.image_input import ImageInput, find_image_input, fix_image_input
from tests.networks import proto

PATH = Path("m.onnx")


def model_of(inputs: str, body: str = "y = Relu(x)", **weights: np.ndarray) -> ir.Model:
    return graph_from_proto(proto(f"g ({inputs}) => (y) {{ {body} }}", **weights)).model


@pytest.mark.parametrize(
    ("declared", "layout", "batch", "size_hw"),
    [
        ("float[1,3,32,48]", "nchw", 1, (32, 48)),
        ("float[4,3,32,48]", "nchw", 4, (32, 48)),
        ("float[n,3,h,w]", "nchw", None, (None, None)),
        ("float[n,c,32,w]", "nchw", None, (32, None)),
        ("float[1,32,48,3]", "nhwc", 1, (32, 48)),
        ("float[n,h,w,3]", "nhwc", None, (None, None)),
        ("float[1,3,32,3]", "nchw", 1, (32, 3)),
        ("float16[1,3,32,48]", "nchw", 1, (32, 48)),
        ("uint8[1,32,48,3]", "nhwc", 1, (32, 48)),
    ],
)
def test_the_layout_batch_and_size_are_read_from_the_shape(declared, layout, batch, size_hw):
    image = find_image_input(model_of(f"{declared} x"), PATH)
    assert (image.name, image.layout, image.batch, image.size_hw) == ("x", layout, batch, size_hw)


def test_an_initializer_listed_as_input_is_no_input():
    model = model_of("float[1,3,4,4] x, float[1] w", "y = Add(x, w)", w=np.ones(1, np.float32))
    assert find_image_input(model, PATH).name == "x"


@pytest.mark.parametrize(
    "inputs",
    [
        "float[1,1,32,48] x",
        "float[1,4,32,48] x",
        "float[1,3,32] x",
        "float x",
        "int64[1,3,32,48] x",
        "double[1,3,32,48] x",
        "float[1,3,32,48] x, float[1,2] scale_factor",
    ],
)
def test_an_input_that_takes_no_color_images_is_refused_as_found(inputs):
    with pytest.raises(ModelError, match=r"m\.onnx': expected .*image.*found .*x .*Export"):
        find_image_input(model_of(inputs), PATH)


def test_a_fixed_input_has_static_shapes_behind_it():
    model = model_of("float[n,3,h,w] x", "a = MaxPool<kernel_shape=[2,2]>(x) y = Relu(a)")
    fixed = fix_image_input(model, find_image_input(model, PATH), (8, 6))
    assert fixed.graph.inputs[0].shape == ir.Shape([1, 3, 8, 6])
    assert fixed.graph.outputs[0].shape == ir.Shape([1, 3, 7, 5])
    assert model.graph.inputs[0].shape != fixed.graph.inputs[0].shape


def test_an_interleaved_input_becomes_planar_with_its_name():
    model = model_of("float[1,8,6,3] x", "y = Relu(x)")
    fixed = fix_image_input(model, find_image_input(model, PATH), (8, 6))
    assert [(v.name, v.shape) for v in fixed.graph.inputs] == [("x", ir.Shape([1, 3, 8, 6]))]
    assert [node.op_type for node in fixed.graph] == ["Transpose", "Relu"]
    assert fixed.graph.outputs[0].shape == ir.Shape([1, 8, 6, 3])


def test_the_file_is_fed_what_its_own_input_takes():
    image = ImageInput("x", ir.DataType.UINT8, "nhwc", 2, (4, 5))
    probe = np.full((1, 3, 4, 5), 7.6, np.float32)
    feed = image.feed(image.whole(probe))
    assert (feed.shape, feed.dtype, feed.max()) == ((2, 4, 5, 3), np.uint8, 7)
    first = image.first({"y": np.arange(6).reshape(6, 1)})
    assert first["y"].tolist() == [[0], [1], [2]]
