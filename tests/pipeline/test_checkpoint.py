from dataclasses import replace
from types import MappingProxyType

import numpy as np
import onnx
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from edgekit import optional
from edgekit.errors import MissingExtraError, ModelError
from edgekit.images.overlap import file_sha256
from edgekit.load.metadata import read_metadata
from edgekit.nets import named
from edgekit.nets.architectures.registry import ARCHITECTURES, Architecture, ClassCount
from edgekit.nets.heads.distances import DistanceHead, Expectation
from edgekit.nets.stored.build import build_detector
from edgekit.pipeline.checkpoint import checkpoint_origin, is_checkpoint
from edgekit.pipeline.opened import open_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.origin import NAMED
from edgekit.pipeline.prepare import prepare
from tests.pipeline.checkpoints import RUNTIME, exported, write, yolov8
from tests.upstream import checkpoint as as_read
from tests.upstream import distance_head, saved, yolo, yolo11

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def whole(folder):
    """A whole model, trained at 60, which is no multiple of its strides."""
    return write(folder / "mine.pt", {"model": yolov8(), "train_args": {"imgsz": 60}})


@pytest.fixture(scope="module")
def options(folder):
    return ModelOptions(cache=folder / "cache")


@pytest.fixture(scope="module")
def detector(whole, options):
    return prepare(whole, options)


@pytest.mark.parametrize(
    ("name", "start", "answer"),
    [
        ("a.pt", b"anything", True),
        ("a.PTH", b"", True),
        ("a.safetensors", b"", True),
        ("a.ckpt", b"", True),
        ("a.bin", b"PK\x03\x04", True),
        ("a.bin", b"\x80\x02", True),
        ("a.tar", b"\x80\x05", True),
        ("a.bin", b"\x80\x06", False),
        ("a.bin", (0x0280).to_bytes(8, "little") + b"{", False),
        ("a.bin", b"\x08\x08", False),
        ("a.onnx", b"PK\x03\x04", False),
    ],
)
def test_a_checkpoint_is_known_by_its_name_or_its_first_bytes(name, start, answer, tmp_path):
    (tmp_path / name).write_bytes(start)

    assert is_checkpoint(tmp_path / name) is answer


def test_what_is_not_there_is_no_checkpoint_unless_it_is_called_so(tmp_path):
    assert not is_checkpoint(tmp_path / "a")
    assert is_checkpoint(tmp_path / "a.pt")


def test_a_checkpoint_is_understood_as_its_onnx_would_be(whole, detector):
    source = detector.source

    assert (source.path, source.sha256) == (whole, file_sha256(whole))
    assert source.onnx_path.suffix == ".onnx"
    assert (source.class_names, detector.family) == (("cat", "dog", "owl"), "yolov8")
    assert source.size_hw == (64, 64)
    norms = [p for p in yolov8().modules() if isinstance(p, nn.BatchNorm2d)]
    assert len(detector.rewritten.folded) == len(norms)
    assert not [n for n in detector.plain.model.graph if n.op_type == "BatchNormalization"]


def test_the_export_finds_what_the_module_finds(detector):
    module = build_detector(as_read({"model": yolov8()})).module
    image = np.random.default_rng(2).random((1, 3, 64, 64), np.float32)

    with RUNTIME.open(detector.source.onnx_path) as session:
        (found,) = session.run({"images": image}).values()

    np.testing.assert_allclose(found, module(torch.from_numpy(image)).numpy(), atol=1e-4)


def test_a_checkpoint_runs_as_its_export(whole, options):
    opened = open_detector(whole, options, "mine")

    assert opened.candidate.model == exported(whole, options)
    assert (opened.candidate.input, opened.precision) == ("float-nchw", "fp32")
    assert opened.class_names == ("cat", "dog", "owl")


def test_without_torch_the_message_says_what_to_install(whole, monkeypatch, tmp_path):
    known = optional.importlib.import_module

    def without(name):
        if name == "torch":
            raise ModuleNotFoundError(name="torch")
        return known(name)

    monkeypatch.setattr(optional.importlib, "import_module", without)

    with pytest.raises(MissingExtraError, match=r"mine\.pt.*pip install 'edgekit\[torch\]'"):
        prepare(whole, ModelOptions(cache=tmp_path))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "mine.pt").write_text("hello")

    with pytest.raises(ModelError, match=r"mine\.pt"):
        prepare(tmp_path / "mine.pt", ModelOptions(cache=tmp_path))


def test_what_loading_left_out_is_among_the_notes(folder, options):
    both = {"model": yolov8().half(), "ema": yolov8().half()}

    notes = prepare(write(folder / "both.pt", both), options).notes

    assert notes[:2] == (
        "The averaged (EMA) weights are used.",
        "Half-precision weights are computed in float32.",
    )
    assert any(note.startswith("Folded") for note in notes)


def test_an_end_to_end_head_that_the_file_turns_off_is_a_warning(folder, options):
    model = yolo("yolov10", end2end=False)
    head, old = distance_head([16, 32], 3, kind="v10Detect", bins=16), model.model[-1]
    head.i, head.f, head.type = old.i, old.f, old.type
    model.model[-1] = head

    detector = prepare(write(folder / "off.pt", {"model": model}), options)

    (warning,) = detector.warnings
    assert "says 'end2end: False'" in warning
    assert "set end2end to True" in warning
    assert not any("end2end" in note for note in detector.notes)


def test_bfloat16_and_names_of_other_classes_are_among_the_notes(folder, options):
    model = yolov8(names={0: "cat"}).bfloat16()

    notes = prepare(write(folder / "brain.pt", {"model": model}), options).notes

    assert notes[:2] == (
        "The class names of the file are left out: it has 1, and the head tells 3 classes apart.",
        "bfloat16 weights are computed in float32.",
    )


class Small(nn.Module):
    """A detector with keys of its own."""

    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 8, 8)
        self.deep = nn.Conv2d(8, 8, 2, 2)
        mean = nn.Conv2d(16, 1, 1, bias=False)
        mean.weight.data[:] = torch.arange(16).reshape(1, 16, 1, 1)
        sides = nn.ModuleList(nn.Conv2d(8, 64, 1) for _ in range(2))
        kinds = nn.ModuleList(nn.Conv2d(8, classes, 1) for _ in range(2))
        self.head = DistanceHead(sides, kinds, Expectation(mean), (8.0, 16.0))

    def forward(self, image):
        features = self.stem(image)
        return self.head([features, self.deep(features)])


@pytest.fixture
def known(monkeypatch):
    """``Small`` as a published network."""
    counted = ClassCount("head.cv3.0.weight")
    small = Architecture("small-1", "small", Small, "0", 0, "", counted, 64, (8, 16))
    monkeypatch.setattr(named, "ARCHITECTURES", MappingProxyType({"small-1": small}))


@pytest.fixture(scope="module")
def weights(folder):
    torch.manual_seed(5)
    arrays = {key: value.numpy() for key, value in Small(4).state_dict().items()}
    save_file(arrays, folder / "small.safetensors")
    return folder / "small.safetensors"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("family", [None, "small-1", "small"])
def test_weights_alone_are_read_by_name(family, weights, options):
    found = prepare(weights, ModelOptions(family=family, cache=options.cache))

    assert (found.family, found.convention.family) == ("small", "yolov8")
    assert found.head.spec.classes == 4
    assert found.source.metadata[NAMED] == "True"
    said = "The names and shapes of its weights are those of small-1: read as that."
    assert (said in found.notes) is (family is None)


def test_a_whole_model_with_learned_slopes_is_read(folder, options):
    """One module is the activation of every layer, as where a family's default was changed."""
    model, act = yolov8(), nn.PReLU(init=0.1)
    for part in model.modules():
        if isinstance(getattr(part, "act", None), nn.SiLU):
            part.act = act

    found = prepare(write(folder / "slopes.pt", {"model": model}), options)

    slopes = [n.inputs[1].const_value for n in found.plain.model.graph if n.op_type == "PRelu"]
    assert len(slopes) == sum(isinstance(part, nn.BatchNorm2d) for part in model.modules())
    assert {slope.numpy().item() for slope in slopes} == {np.float32(0.1)}


@pytest.mark.usefixtures("known")
def test_weights_that_lightning_saved_are_read(folder, options):
    torch.manual_seed(5)
    state = {f"model.{key}": value for key, value in Small(4).state_dict().items()}
    settings = saved("lightning_fabric.utilities.data.AttributeDict", lr=0.1)
    content = {
        "epoch": 3,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": state,
        "optimizer_states": [{"state": {}, "param_groups": [{"lr": 0.1}]}],
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.ones(())}},
        "hyper_parameters": settings,
    }

    found = prepare(write(folder / "last.ckpt", content), options)

    assert (found.family, found.head.spec.classes) == ("small", 4)


def test_a_nanodet_that_lightning_saved_is_read_with_its_averaged_weights(folder):
    """As NanoDet's training task writes it: raw and averaged weights, and its configuration."""
    torch.manual_seed(6)
    raw, averaged = (ARCHITECTURES["nanodet-plus-m"].build(5).eval() for _ in range(2))
    state = {f"model.{key}": value for key, value in raw.state_dict().items()}
    state |= {f"avg_model.{key}": value for key, value in averaged.state_dict().items()}
    content = {
        "epoch": 299,
        "pytorch-lightning_version": "1.9.5",
        "state_dict": state,
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {},
        "hparams_name": "cfg",
        "hyper_parameters": saved("nanodet.util.yacs.CfgNode", save_dir="workspace"),
    }
    file = write(folder / "model_last.ckpt", content)

    built = checkpoint_origin(file, ModelOptions(family="NanoDet-Plus-m")).build()

    assert (built.detector.family, built.size_hw) == ("nanodet", (320, 320))
    assert "The averaged (EMA) weights under 'avg_model.' are used." in built.detector.notes
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(built.detector.module(image), averaged(image))
        assert not torch.equal(raw(image), averaged(image))


@pytest.mark.usefixtures("known")
def test_a_whole_model_is_not_read_by_a_name_of_another(whole, options):
    with pytest.raises(ModelError, match=r"found no 'head.*a whole yolov8.*leave --family out"):
        exported(whole, ModelOptions(family="small-1", cache=options.cache))


def test_a_whole_model_with_channels_cut_is_told_from_the_one_it_was(folder, options, monkeypatch):
    wide = Architecture(
        "wide-1", "yolov8", lambda _: yolov8(), "0", 0, "", ClassCount("model.10.cv3.0.1.bias")
    )
    monkeypatch.setattr(named, "ARCHITECTURES", MappingProxyType({"wide-1": wide}))
    cut = write(folder / "pruned.pt", {"model": yolov8(bins=8)})

    expected = "as wide-1: expected the weights of that network"
    found = r"found 5 of other shapes, the first 'model\.10\.\S+' \(\d.*\) for \(\d"
    advice = r"a whole yolov8, .*pruned or not: leave --family out\.$"
    with pytest.raises(ModelError, match=f"{expected}, {found}.*{advice}"):
        exported(cut, replace(options, family="wide-1"))

    assert exported(cut, options).is_file()


def test_a_whole_model_may_be_called_what_it_is(whole, options, monkeypatch):
    mine = Architecture(
        "mine-1", "yolov8", lambda _: yolov8(), "0", 0, "", ClassCount("model.10.cv3.0.1.bias")
    )
    monkeypatch.setattr(named, "ARCHITECTURES", MappingProxyType({"mine-1": mine}))

    for family in ("mine-1", "yolov8"):
        found = prepare(whole, replace(options, family=family))

        assert (found.family, found.convention.family) == ("yolov8", "yolov8")


@pytest.mark.parametrize(("family", "is_named"), [("yolo11", True), ("yolov8", False)])
def test_a_later_family_may_be_called_by_what_it_is_prepared_as(family, is_named, folder, options):
    file = write(folder / "eleven.pt", {"model": yolo11()})

    model = onnx.load(exported(file, replace(options, family=family)))

    assert (NAMED in read_metadata(model).properties) is is_named


@pytest.mark.parametrize(
    ("family", "told"),
    [
        ("yolox", "expected yolov8, found yolox"),
        ("yolov5n", "found no 'model.24"),
        ("yolo8", "expected yolov8, found yolo8"),
    ],
)
def test_a_name_that_contradicts_a_whole_model_is_refused_at_once(family, told, whole, tmp_path):
    with pytest.raises(ModelError, match=rf"as {family}: .*{told}.*leave --family out"):
        prepare(whole, ModelOptions(family=family, cache=tmp_path))

    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("known")
def test_a_whole_model_of_unknown_classes_may_be_named(folder, options):
    module = saved("models.common.Small", dict(Small(4).named_children()))
    file = write(folder / "whole.pt", {"model": module})

    with pytest.raises(ModelError, match=r"models\.common\.Small.*add --family small-1, if"):
        exported(file, options)


@pytest.mark.usefixtures("known")
def test_a_whole_model_built_by_name_keeps_its_classes_and_says_what_is_unchecked(folder, options):
    names = dict(enumerate(("cat", "dog", "owl", "fox")))
    module = saved("models.common.Small", dict(Small(4).named_children()), names=names)
    file = write(folder / "whole.pt", {"model": module})

    found = prepare(file, ModelOptions(family="small-1", cache=options.cache))

    assert found.source.class_names == ("cat", "dog", "owl", "fox")
    said = "Built as small-1: activations and wiring of the file are not checked."
    assert said in found.notes


@pytest.mark.parametrize("family", [None, "yolov8"])
@pytest.mark.parametrize(
    "put",
    [
        lambda layer: setattr(layer, "act", saved("models.activations.Strange")),
        lambda layer: setattr(layer.conv, "padding_mode", "reflect"),
    ],
)
def test_what_weights_cannot_tell_is_never_built_by_name(put, family, tmp_path):
    model = yolov8()
    put(model.model[0])
    file = write(tmp_path / "changed.pt", {"model": model})

    with pytest.raises(ModelError, match=r"layer 0") as refusal:
        prepare(file, ModelOptions(family=family, cache=tmp_path))

    assert "--family" not in str(refusal.value)


def test_a_whole_model_of_unknown_classes_is_refused(folder, options):
    module = saved("models.common.Other", {"conv": nn.Conv2d(3, 4, 1)})

    with pytest.raises(ModelError, match=r"models\.common\.Other"):
        exported(write(folder / "other.pt", {"model": module}), options)


@pytest.mark.data
def test_yolov10s_comes_out_end_to_end(data_dir, options):
    model = onnx.load(exported(data_dir / "models" / "yolov10s.pt", options))

    (output,) = model.graph.output
    assert [d.dim_value for d in output.type.tensor_type.shape.dim] == [1, 300, 6]
    assert read_metadata(model).properties["end2end"] == "True"
    assert len(read_metadata(model).class_names) == 80


@pytest.mark.data
def test_yolov5n_comes_out_without_its_stale_anchors(data_dir, options):
    found = prepare(data_dir / "models" / "yolov5n.pt", options)

    anchors = np.array([part.anchor_wh for part in found.head.cut.spec.parts])
    assert anchors.shape == (9, 2)
    assert anchors[0] == pytest.approx([10, 13], rel=1e-2)
    assert anchors.min() > 0
    assert found.warnings == ()
