import numpy as np
import onnx
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.errors import HeadError, ModelError, UnknownNameError
from edgekit.graphs import graph_to_bytes
from edgekit.measure.accuracy import detect_all
from edgekit.measure.candidate import Candidate
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from tests.heads.detectors import picodet


@pytest.fixture(scope="module")
def detector(tiny):
    return prepare(tiny.model, ModelOptions())


@pytest.fixture
def shared(tmp_path):
    """A model whose head two families share."""
    _, model = picodet()
    onnx.save(model, tmp_path / "shared.onnx")
    return tmp_path / "shared.onnx"


def test_a_model_is_understood_without_being_told(detector):
    assert detector.convention.family == "yolov8"
    assert detector.head.spec.classes == 3
    assert detector.source.class_names == ("disc", "square", "stripe")
    assert detector.convention.preprocess.size_hw == (64, 64)
    assert detector.warnings == ()


def test_the_network_takes_u8_images_and_its_decode_is_cut(detector):
    network = network_of(detector)

    (image,) = network.graph.model.graph.inputs
    assert (image.dtype.name, tuple(image.shape)) == ("UINT8", (1, 64, 64, 3))
    assert network.head.kind == "distances"
    assert network.decode == frozenset()
    assert any("Decode cut off" in note for note in detector.notes)


def test_the_network_finds_what_the_users_file_finds(detector, scored, tmp_path):
    network = network_of(detector)
    (tmp_path / "fp32.onnx").write_bytes(graph_to_bytes(network.graph))
    cut = Candidate(
        name="fp32",
        backend=OnnxRuntime(),
        model=tmp_path / "fp32.onnx",
        head=network.head,
        nms=detector.convention.nms,
        preprocess=network.preprocess,
        input="u8-nhwc",
    )

    given = detect_all(candidate_of(detector, "as-given"), scored).boxes
    found = detect_all(cut, scored).boxes

    for image in given:
        np.testing.assert_allclose(found[image].scores, given[image].scores, atol=1e-4)
        np.testing.assert_allclose(found[image].xyxy, given[image].xyxy, atol=0.02)


def test_preprocessing_is_changed_as_asked(tiny):
    asked = prepare(tiny.model, ModelOptions(preprocess="color=bgr")).convention.preprocess

    assert asked.color == "bgr"
    assert asked.resize == "letterbox-center"


def test_a_family_that_has_no_such_head_is_refused(tiny):
    with pytest.raises(UnknownNameError, match="Did you mean 'yolov8'"):
        prepare(tiny.model, ModelOptions(family="yolo8"))


def test_a_head_of_several_families_is_a_question_that_names_them(shared):
    with pytest.raises(
        HeadError, match=r"Choose one:\n  --family picodet: .*color=rgb.*\n  --family "
    ):
        prepare(shared, ModelOptions())


def test_the_answer_settles_the_question(shared):
    chosen = prepare(shared, ModelOptions(family="nanodet"))

    assert chosen.convention.family == "nanodet"
    assert chosen.convention.preprocess.color == "bgr"


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_text("hello")

    with pytest.raises(ModelError, match=r"model\.onnx"):
        prepare(tmp_path / "model.onnx", ModelOptions())
