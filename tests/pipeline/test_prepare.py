import numpy as np
import onnx
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.calibration import open_source
from edgekit.errors import HeadError, ModelError, UnknownNameError
from edgekit.graphs import graph_to_bytes
from edgekit.measure.accuracy import detect_all
from edgekit.measure.candidate import Candidate
from edgekit.pipeline import prepare as module
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.pipeline.samples import inputs_of
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


def test_parallel_branches_are_merged_and_told_of(tiny, tmp_path):
    model = onnx.load(tiny.model)
    branch_beside_every_2x2_conv(model.graph)
    onnx.save(model, tmp_path / "branches.onnx")

    merged = prepare(tmp_path / "branches.onnx", ModelOptions())

    plain = prepare(tiny.model, ModelOptions()).plain
    convs = [node.op_type for node in merged.plain.model.graph].count("Conv")
    assert convs == [node.op_type for node in plain.model.graph].count("Conv")
    wanted = "Merged 2 groups of parallel branches (2 branches each at most), each proven exact."
    assert wanted in merged.notes
    assert not any(note.startswith("Left") for note in merged.notes)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"description": "Ultralytics YOLOv10s model"}, "Ultralytics YOLOv10s model"),
        ({"end2end": "True"}, "end2end: True"),
        ({"end2end": "False", "description": "Ultralytics YOLOv8n model"}, None),
        ({}, None),
    ],
)
def test_an_end_to_end_head_that_the_export_lost_is_told_of(tiny, tmp_path, properties, words):
    model = onnx.load(tiny.model)
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, tmp_path / "lost.onnx")

    warnings = prepare(tmp_path / "lost.onnx", ModelOptions()).warnings

    assert len(warnings) == (words is not None)
    if words is not None:
        assert f"'{words}'" in warnings[0]
        assert "need NMS" in warnings[0]
        assert "checkpoint (.pt) itself" in warnings[0]


@pytest.mark.data
def test_an_end_to_end_head_that_is_there_is_no_warning(data_dir):
    path = data_dir / "models" / "yolov10s_e2e_unfused.onnx"

    assert prepare(path, ModelOptions()).warnings == ()


@pytest.mark.data
def test_the_broken_anchors_of_an_export_are_told_of(data_dir):
    (warning,) = prepare(data_dir / "models" / "yolov5n_stalegrid.onnx", ModelOptions()).warnings

    assert "stride 8" in warning
    assert "checkpoint (.pt) itself" in warning


@pytest.mark.data
def test_both_blocks_of_yolov10s_with_two_depthwise_kernels_are_merged(data_dir):
    detector = prepare(data_dir / "models" / "yolov10s_e2e_unfused.onnx", ModelOptions())

    nodes = {node.name: node for node in detector.plain.model.graph}
    merged = [nodes[f"/model.{n}/m.0/cv1/cv1.2/conv/conv/Conv"] for n in (8, 22)]
    assert "Folded 81 batch normalizations, each proven exact." in detector.notes
    assert any(note.startswith("Merged 2 groups") for note in detector.notes)
    assert not any(note.startswith("Left") for note in detector.notes)
    assert {node.attributes.get_ints("kernel_shape") for node in merged} == {(7, 7)}
    assert all(node.inputs[1].shape[1] == 1 for node in merged)


def branch_beside_every_2x2_conv(graph):
    """Add a 1x1 Conv, with little in it, to the result of every 2x2 Conv."""
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    for conv in [node for node in graph.node if node.op_type == "Conv"]:
        weight = arrays[conv.input[1]]
        if weight.shape[2:] != (2, 2):
            continue
        name = conv.output[0]
        small = np.full((*weight.shape[:2], 1, 1), 1e-3, np.float32)
        graph.initializer.append(onnx.numpy_helper.from_array(small, f"{name}.small"))
        strides = next(a.ints for a in conv.attribute if a.name == "strides")
        conv.output[0] = f"{name}.large"
        beside = onnx.helper.make_node(
            "Conv", [conv.input[0], f"{name}.small"], [f"{name}.beside"], strides=strides
        )
        total = onnx.helper.make_node("Add", [conv.output[0], f"{name}.beside"], [name])
        at = list(graph.node).index(conv) + 1
        graph.node.insert(at, total)
        graph.node.insert(at, beside)


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


@pytest.fixture
def proven_on(monkeypatch):
    """What each stage compared graphs on, in order."""
    seen = []

    def watch(name, at):
        stage = getattr(module, name)

        def watching(*arguments):
            seen.append((name, [next(iter(feeds.values())) for feeds in arguments[at]]))
            return stage(*arguments)

        monkeypatch.setattr(module, name, watching)

    watch("simplify", 2)
    watch("reparameterize", 2)
    watch("prove_parity", 3)
    return seen


def test_rewrites_are_proven_on_the_images_of_the_command(tiny, proven_on):
    images = open_source(str(tiny.calib))

    found = prepare(tiny.model, ModelOptions(), images)

    wanted = inputs_of(images.records[:2], found.convention.preprocess)
    assert [name for name, _ in proven_on] == ["simplify", "reparameterize"]
    for _, inputs in proven_on:
        assert len(inputs) == 4
        np.testing.assert_array_equal(inputs[2:], wanted)
    assert found.evidence.images == ("1-00.png", "1-01.png")
    assert "Proven on 1-00.png, 1-01.png, noise and a drawn picture." in found.notes


def test_without_images_the_record_says_so(detector, tiny, proven_on):
    assert detector.evidence.images == ()
    assert "Proven on noise and a drawn picture: no images were at hand." in detector.notes
    prepare(tiny.model, ModelOptions())
    assert {len(inputs) for _, inputs in proven_on} == {2}


def test_a_network_that_takes_images_otherwise_is_proven_on_them_so(tiny, proven_on):
    images = open_source(str(tiny.calib))

    found = prepare(tiny.model, ModelOptions(preprocess="color=bgr,std=1"), images)

    stages = [name for name, _ in proven_on]
    assert stages == ["simplify", "reparameterize", "prove_parity", "reparameterize"]
    wanted = inputs_of(images.records[:2], found.convention.preprocess)
    assert wanted[0].max() > 1
    for _, inputs in proven_on[2:]:
        np.testing.assert_array_equal(inputs[2:], wanted)


def test_an_output_that_only_training_needs_is_told_of(tiny, tmp_path):
    model = onnx.load(tiny.model)
    raw = next(n.output[0] for n in model.graph.node if n.op_type == "Conv")
    shape = onnx.shape_inference.infer_shapes(model).graph.value_info
    model.graph.output.append(next(v for v in shape if v.name == raw))
    onnx.save(model, tmp_path / "two.onnx")

    notes = prepare(tmp_path / "two.onnx", ModelOptions()).notes

    assert any(n.startswith("Dropped the output") and "is computed from it" in n for n in notes)
