import numpy as np
import onnx
import pytest

from edgekit.errors import StageError
from edgekit.measure.predict import Predictor
from edgekit.values import Preprocess

RED = np.full((64, 128, 3), (255, 0, 0), np.uint8)


@pytest.mark.parametrize("kind", ["float-nchw", "u8-nhwc"])
def test_boxes_come_back_in_pixels_of_the_image(detector, kind):
    candidate = detector(kind=kind, preprocess=Preprocess((32, 32), resize="stretch"))

    with Predictor(candidate) as predictor:
        found = predictor.detect(RED)

    assert found.xyxy.tolist() == [[32, 16, 96, 48]]
    assert found.classes.tolist() == [0]
    assert found.scores == pytest.approx([1.0])


def test_u8_and_float_networks_agree(detector):
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)

    with Predictor(detector("a")) as a, Predictor(detector("b", "u8-nhwc")) as b:
        floats, u8 = a.detect(image), b.detect(image)

    assert floats.xyxy == pytest.approx(u8.xyxy)
    assert floats.scores == pytest.approx(u8.scores, abs=1e-6)


OTHER_INPUTS = {
    "half precision": ("float16[1, 3, 32, 32]", ""),
    "bytes, channels last": ("uint8[1, 32, 32, 3]", "perm = [0, 3, 1, 2]"),
    "channels last": ("float[1, 32, 32, 3]", "perm = [0, 3, 1, 2]"),
    "a batch of two": ("float[2, 3, 32, 32]", ""),
}


@pytest.mark.parametrize("given", OTHER_INPUTS)
def test_a_file_is_fed_in_the_form_its_own_input_has(detector, tmp_path, given):
    form, perm = OTHER_INPUTS[given]
    batch = form.partition("[")[2][0]
    planar = f"Transpose <{perm or 'perm = [0, 1, 2, 3]'}> (floats)"
    text = f"""
    <ir_version: 8, opset_import: ["" : 17]>
    detector ({form} image) => (float[{batch}, 4, 1] boxes, float[{batch}, 2, 1] scores)
    <float[1, 4, 1] corners = {{8, 8, 24, 24}}, int64[2] red_and_blue = {{0, 2}},
     int64[1] last = {{3}}, int64[3] shape = {{{batch}, 4, 1}}> {{
      floats = Cast <to = 1> (image)
      planes = {planar}
      mean = GlobalAveragePool (planes)
      column = Squeeze (mean, last)
      scores = Gather <axis = 1> (column, red_and_blue)
      boxes = Expand (corners, shape)
    }}
    """
    onnx.save(onnx.parser.parse_model(text), tmp_path / "other.onnx")
    raw = Preprocess((32, 32), resize="stretch", std=(255.0,) * 3)
    if form.startswith("uint8"):
        raw = Preprocess((32, 32), resize="stretch", std=(1.0,) * 3)

    with Predictor(detector(model=tmp_path / "other.onnx", preprocess=raw)) as predictor:
        found = predictor.detect(RED)

    assert found.xyxy.tolist() == [[32, 16, 96, 48]]
    assert found.classes.tolist() == [0]


def test_colour_order_decides_which_channel_is_red(detector):
    candidate = detector(preprocess=Preprocess((32, 32), resize="stretch", color="bgr"))

    with Predictor(candidate) as predictor:
        found = predictor.detect(RED)

    assert found.classes.tolist() == [1]


def test_inference_keeps_what_passes_the_confidence(detector):
    half_red = np.full((32, 32, 3), (128, 0, 0), np.uint8)

    with Predictor(detector().at_confidence(0.6)) as strict, Predictor(detector()) as loose:
        counts = len(strict.infer(half_red)), len(loose.infer(half_red))

    assert counts == (0, 1)


def test_a_missing_model_is_a_stage_error(detector, tmp_path):
    with (
        pytest.raises(StageError, match=r"gone\.onnx"),
        Predictor(detector(model=tmp_path / "gone.onnx")),
    ):
        pass
