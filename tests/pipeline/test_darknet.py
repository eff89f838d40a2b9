import struct

import numpy as np
import pytest
import torch

from edgekit.errors import ModelError
from edgekit.images.overlap import file_sha256
from edgekit.load.darknet import read_darknet
from edgekit.nets.darknet.build import build_darknet
from edgekit.pipeline.convert import convert
from edgekit.pipeline.darknet import is_darknet
from edgekit.pipeline.exports import origin_of
from edgekit.pipeline.lock import Lock
from edgekit.pipeline.options import ConvertOptions, ModelOptions
from edgekit.pipeline.prepare import prepare
from tests.nets.darknet.cfgs import yolov4_tiny
from tests.pipeline.checkpoints import RUNTIME, exported
from tests.pipeline.tiny import BRIEF, write_images

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small YOLOv4-tiny of three classes, for images of 64 x 96."""
    folder = tmp_path_factory.mktemp("darknet")
    cfg = yolov4_tiny(96, 1 / 16)
    (folder / "net.cfg").write_text(cfg.text().replace("height=96", "height=64"))
    head = struct.pack("<3iq", 0, 2, 5, 1000)
    (folder / "net_best.weights").write_bytes(head + cfg.numbers().tobytes())
    (folder / "net.names").write_text("cat\ndog\nowl\n")
    return folder


@pytest.fixture(scope="module")
def options(folder):
    return ModelOptions(cache=folder / "cache")


@pytest.mark.parametrize("name", ["net.cfg", "net_best.weights"])
def test_either_file_is_the_same_model_called_by_its_weights(name, folder, options):
    detector = prepare(folder / name, options)

    source, weights = detector.source, folder / "net_best.weights"
    assert (source.path, source.sha256) == (weights, file_sha256(weights))
    assert source.files == {"net.cfg": file_sha256(folder / "net.cfg")}
    assert source.class_names == ("cat", "dog", "owl")
    assert (detector.family, detector.convention.family) == ("yolov4", "yolov3")
    assert source.size_hw == (64, 96)
    assert detector.notes[0] == "Wired as net.cfg says."
    assert len(detector.rewritten.folded) == 19


def test_the_export_finds_what_the_module_finds(folder, options):
    files = folder / "net.cfg", folder / "net_best.weights"
    image = np.random.default_rng(2).random((1, 3, 64, 96), np.float32)

    with RUNTIME.open(exported(files[0], options)) as session:
        (found,) = session.run({"images": image}).values()

    module = build_darknet(read_darknet(*files)).module
    np.testing.assert_allclose(found, module(torch.from_numpy(image)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("file", "text"), [("net.names", "a\nb\nc\n"), ("net.cfg", "\n# more\n")])
def test_every_file_is_part_of_what_an_export_is_kept_by(file, text, folder, options, tmp_path):
    for name in ("net.cfg", "net_best.weights", "net.names"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    before = origin_of(tmp_path / "net.cfg", options).identity
    assert before == origin_of(folder / "net.cfg", options).identity

    (tmp_path / file).write_text((tmp_path / file).read_text() + text if ".cfg" in file else text)

    assert origin_of(tmp_path / "net.cfg", options).identity != before


def test_classes_without_names_are_numbered_and_that_is_said(folder, options, tmp_path):
    for name in ("net.cfg", "net_best.weights"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())

    source = prepare(tmp_path / "net.cfg", options).source

    assert source.class_names == ()
    assert any("Its 3 classes have numbers instead of names" in note for note in source.notes)


def test_another_size_may_be_chosen(folder, options):
    wide = ModelOptions(input_hw=(96, 64), cache=options.cache)

    assert prepare(folder / "net.cfg", wide).source.size_hw == (96, 64)
    with pytest.raises(ModelError, match=r"net_best\.weights' at 40 x 64.*stride, 32"):
        prepare(folder / "net.cfg", ModelOptions(input_hw=(40, 64), cache=options.cache))


def test_weights_of_another_network_are_refused(folder, options, tmp_path):
    (tmp_path / "net.cfg").write_bytes((folder / "net.cfg").read_bytes())
    data = (folder / "net_best.weights").read_bytes()
    (tmp_path / "net.weights").write_bytes(data + data[-4:])

    with pytest.raises(ModelError, match="Take the weights that belong to this configuration"):
        prepare(tmp_path / "net.cfg", options)


@pytest.mark.parametrize(
    ("name", "answer"), [("a.cfg", True), ("a.WEIGHTS", True), ("a.names", False), ("a", False)]
)
def test_darknets_files_are_known_by_their_names(name, answer, tmp_path):
    assert is_darknet(tmp_path / name) is answer


def test_a_checkpoint_that_is_called_weights_is_a_checkpoint(tmp_path):
    torch.save({"model": 3}, tmp_path / "a.weights")

    assert origin_of(tmp_path / "a.weights", ModelOptions()).path == tmp_path / "a.weights"


def test_report_and_lock_name_the_weights_and_the_configuration(folder, tmp_path):
    write_images(tmp_path / "images", 2, seed=1)
    options = ConvertOptions(
        target="ort-cpu-fp32",
        out=tmp_path / "out",
        evaluation=str(tmp_path / "images"),
        latency=BRIEF,
        cache=tmp_path / "cache",
    )

    report = convert(folder / "net.cfg", options).report

    weights, said = folder / "net_best.weights", {"net.cfg": file_sha256(folder / "net.cfg")}
    assert (report.model.path, report.model.sha256) == (str(weights), file_sha256(weights))
    assert report.provenance.model_files == said
    lock = Lock.model_validate_json((tmp_path / "out" / "edgekit.lock").read_bytes())
    assert (lock.model_sha256, lock.model_files) == (file_sha256(weights), said)
