import json
import pickle
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from edgekit.errors import ModelError
from edgekit.images.overlap import file_sha256
from edgekit.nets.stored.build import build_detector
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import prepare
from tests.pipeline.checkpoints import RUNTIME, yolov8
from tests.upstream import checkpoint as as_read

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]
KINDS = ("torchscript", "pt2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="module")
def module():
    return build_detector(as_read({"model": yolov8()})).module


@pytest.fixture(scope="module")
def files(module, folder):
    """The same network as TorchScript, which says its names, and exported, which does not."""
    image = torch.zeros(1, 3, 64, 64)
    said = json.dumps({"names": {0: "cat", 1: "dog", 2: "owl"}, "imgsz": [64, 64], "stride": 16})
    script, exported = (folder / f"net.{kind}" for kind in KINDS)
    torch.jit.trace(module, image).save(script, _extra_files={"config.txt": said})
    torch.export.save(torch.export.export(module, (image,)), exported)
    return dict(zip(KINDS, (script, exported), strict=True))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with a Python module in it that leaves a trace when it is run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_networks.py").write_text(
        "from pathlib import Path\n"
        "Path('was-run').touch()\n"
        "def make():\n"
        "    from edgekit.nets.stored.build import build_detector\n"
        "    from tests.pipeline.checkpoints import yolov8\n"
        "    from tests.upstream import checkpoint\n"
        "    return build_detector(checkpoint({'model': yolov8()})).module\n"
    )
    yield tmp_path
    sys.modules.pop("my_networks", None)


def trusting(folder, **others):
    return ModelOptions(cache=folder / "cache", trust_code=True, **others)


def same(detector, module):
    """Whether the export computes what the module does."""
    image = np.random.default_rng(2).random((1, 3, 64, 64), np.float32)
    with RUNTIME.open(detector.source.onnx_path) as session:
        found = session.run({"images": image})["output0"]
    return np.allclose(found, module(torch.from_numpy(image)).numpy(), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trusted_program_is_understood_as_its_onnx_would_be(kind, files, module, folder):
    detector = prepare(files[kind], trusting(folder))

    assert same(detector, module)
    assert (detector.source.path, detector.source.sha256) == (files[kind], file_sha256(files[kind]))
    assert (detector.family, detector.source.size_hw) == ("yolov8", (64, 64))
    names = ("cat", "dog", "owl") if kind == "torchscript" else ()
    assert detector.source.class_names == names
    assert detector.notes[0] == "Its own code was run, as --trust-code allows."
    assert len(detector.rewritten.folded) == 22
    assert "BatchNormalization" not in {n.op_type for n in detector.plain.model.graph}


def test_a_trusted_function_is_called_and_named_in_the_report(here, module):
    detector = prepare(Path("my_networks:make"), trusting(here, input_hw=(64, 64)))

    assert (here / "was-run").exists()
    assert same(detector, module)
    assert str(detector.source.path) == "my_networks:make"
    assert detector.source.sha256 == file_sha256(detector.source.onnx_path)


def test_a_function_is_called_again_whatever_it_gave_before(here):
    first = prepare(Path("my_networks:make"), trusting(here, input_hw=(64, 64))).source
    (here / "was-run").unlink()
    sys.modules.pop("my_networks")

    second = prepare(Path("my_networks:make"), trusting(here, input_hw=(64, 64))).source

    assert (here / "was-run").exists()
    assert first.sha256 == second.sha256


def test_a_function_is_not_looked_up_without_the_flag(here):
    with pytest.raises(ModelError, match="add --trust-code"):
        prepare(Path("my_networks:make"), ModelOptions(cache=here))

    assert not (here / "was-run").exists()
    assert "my_networks" not in sys.modules


class Trap:
    """What leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def trapped(path, copy, trace):
    """A copy of the archive whose every pickle is one that leaves a trace."""
    with ZipFile(path) as archive, ZipFile(copy, "w") as changed:
        for name in archive.namelist():
            is_pickle = name.endswith((".pkl", ".pt"))
            changed.writestr(name, pickle.dumps(Trap(trace)) if is_pickle else archive.read(name))
    return copy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".pt", ".bin", ".weights", ".pt2"])
def test_nothing_of_a_program_is_run_without_the_flag(kind, suffix, files, tmp_path, monkeypatch):
    trace = tmp_path / "was-run"
    path = trapped(files[kind], tmp_path / f"net{suffix}", trace)
    for loader in ("torch.jit.load", "torch.export.load", "torch.load"):
        monkeypatch.setattr(loader, lambda *_, **__: trace.touch())

    with pytest.raises(ModelError, match=r"which is code, .* add --trust-code\."):
        prepare(path, ModelOptions(cache=tmp_path))

    assert not trace.exists()


def test_an_export_kept_from_when_it_was_trusted_takes_no_trust_for_granted(files, folder):
    prepare(files["pt2"], trusting(folder))

    with pytest.raises(ModelError, match="add --trust-code"):
        prepare(files["pt2"], ModelOptions(cache=folder / "cache"))


def test_what_is_kept_is_not_run_again(files, folder, monkeypatch, tmp_path):
    prepare(files["pt2"], trusting(folder))
    again = shutil.copy(files["pt2"], tmp_path / "again.pt2")
    monkeypatch.setattr("torch.export.load", None)

    assert prepare(again, trusting(folder)).source.path == again


def test_trust_changes_nothing_for_what_is_data(tmp_path):
    torch.save({"model": Trap(tmp_path / "was-run")}, tmp_path / "net.pt")

    with pytest.raises(ModelError, match=r"net\.pt"):
        prepare(tmp_path / "net.pt", trusting(tmp_path))

    assert not (tmp_path / "was-run").exists()


def test_another_task_is_refused(module, folder):
    path = folder / "other.torchscript"
    traced = torch.jit.trace(module, torch.zeros(1, 3, 64, 64))
    traced.save(path, _extra_files={"config.txt": '{"task": "segment", "imgsz": [64, 64]}'})

    with pytest.raises(ModelError, match="says task 'segment'"):
        prepare(path, trusting(folder))
