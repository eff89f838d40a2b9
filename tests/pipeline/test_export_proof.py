import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.config.calibration import open_source
from edgekit.errors import ParityError
from edgekit.pipeline import export_proof as module
from edgekit.pipeline.checkpoint import checkpoint_origin
from edgekit.pipeline.export_proof import prove_on_images
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import prepare
from tests.pipeline.checkpoints import write, yolov8

RUNTIME = OnnxRuntime(threads=1, optimize=False)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("proofs")


@pytest.fixture(scope="module")
def source(folder):
    options = ModelOptions(cache=folder / "cache")
    path = write(folder / "mine.pt", {"model": yolov8(), "train_args": {"imgsz": 64}})
    return prepare(path, options).source


@pytest.fixture
def images():
    rng = np.random.default_rng(3)
    return [rng.random((1, 3, 64, 64), np.float32) for _ in range(2)]


@pytest.fixture
def origin(source):
    return checkpoint_origin(source.path, ModelOptions())


@pytest.fixture
def counted(origin):
    """The origin, and how often it was built."""
    calls = []

    def build():
        calls.append(1)
        return origin.build()

    return replace(origin, build=build), calls


@pytest.fixture(autouse=True)
def forget(source):
    yield
    for record in source.export.parent.glob("*-proof-*"):
        record.unlink()


def test_an_export_equals_its_modules_and_is_compared_once_per_images(source, images, counted):
    origin, calls = counted

    first = prove_on_images(source, origin, RUNTIME, images)
    again = prove_on_images(source, origin, RUNTIME, images)
    others = prove_on_images(source, origin, RUNTIME, images[:1])

    assert 0 <= others <= first == again < 1e-4
    assert len(calls) == 2


def test_a_record_that_was_cut_short_is_made_again(source, images, counted):
    origin, calls = counted
    found = prove_on_images(source, origin, RUNTIME, images)
    (record,) = source.export.parent.glob("*-proof-*.json")
    whole = record.read_bytes()
    record.write_bytes(whole[:5])

    assert prove_on_images(source, origin, RUNTIME, images) == found
    assert (record.read_bytes(), len(calls)) == (whole, 2)
    assert json.loads(whole) == {"max_rel": found}


def test_other_modules_are_found_out_and_nothing_is_kept(source, origin, images, tmp_path):
    source = replace(source, export=Path(shutil.copy(source.export, tmp_path)))
    built = origin.build()
    for parameter in built.detector.module.parameters():
        parameter.data.mul_(1.1)

    with pytest.raises(ParityError, match="does not compute what the checkpoint's modules"):
        prove_on_images(source, replace(origin, build=lambda: built), RUNTIME, images)
    assert list(source.export.parent.glob("*-proof-*")) == []
    assert not source.export.exists()


def test_an_onnx_file_and_no_images_have_nothing_to_compare(source, images, counted):
    origin, calls = counted

    assert prove_on_images(replace(source, export=None), origin, RUNTIME, images) is None
    assert prove_on_images(source, None, RUNTIME, images) is None
    assert prove_on_images(source, origin, RUNTIME, []) is None
    assert calls == []


def test_what_may_be_built_with_other_weights_is_not_built_again(source, images, counted):
    origin, calls = counted

    assert prove_on_images(source, replace(origin, sha256=""), RUNTIME, images) is None
    assert calls == []


class EndToEnd(torch.nn.Module):
    """Eight detections; their scores are the mean of as many rows of the image."""

    def forward(self, image):
        scores = image.mean((1, 3))[:, :8, None]
        return torch.cat([torch.zeros(1, 8, 4), scores, torch.zeros(1, 8, 1)], 2)


def test_images_of_nothing_tell_no_end_to_end_detections_apart(images):
    found = SimpleNamespace(module=EndToEnd(), end_to_end=True)
    plain = SimpleNamespace(module=EndToEnd(), end_to_end=False)
    flat = np.full_like(images[0], 0.4)

    telling = module._telling(found, [flat, images[0]])

    assert len(telling) == 1
    assert telling[0] is images[0]
    assert module._telling(found, [flat]) == []
    assert len(module._telling(plain, [flat, images[0]])) == 2


def test_where_no_image_tells_nothing_is_claimed(source, origin, images, monkeypatch):
    monkeypatch.setattr(module, "_telling", lambda *_: [])

    assert prove_on_images(source, origin, RUNTIME, images) is None
    assert list(source.export.parent.glob("*-proof-*")) == []


def test_where_nothing_was_compared_on_images_that_is_told(source, tiny, monkeypatch):
    monkeypatch.setattr("edgekit.pipeline.prepare.prove_on_images", lambda *_: None)
    options = ModelOptions(cache=source.export.parent)

    found = prepare(source.path, options, open_source(str(tiny.calib)))

    assert found.evidence.export_difference is None
    assert any("on drawn images alone" in note for note in found.notes)


def test_a_record_that_cannot_be_kept_is_told(source, images, origin, caplog, tmp_path):
    (tmp_path / "file").touch()
    elsewhere = replace(source, export=tmp_path / "file" / "export.onnx")

    assert prove_on_images(elsewhere, origin, RUNTIME, images) < 1e-4
    assert "Set EDGEKIT_CACHE" in caplog.text


def test_a_checkpoint_is_compared_on_the_images_of_the_command(source, tiny):
    options = ModelOptions(cache=source.export.parent)

    found = prepare(source.path, options, open_source(str(tiny.calib)))

    assert found.evidence.images == ("1-00.png", "1-01.png")
    assert found.evidence.export_difference < 1e-4
    assert any("equals the torch modules within" in note for note in found.notes)
    assert not any("on drawn images alone" in note for note in found.notes)


def test_the_way_to_an_open_batch_that_the_docs_tell_is_one(source, tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs/decisions/0011-exports-take-one-image.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    shutil.copy(source.path, tmp_path / "mine.pt")
    monkeypatch.chdir(tmp_path)

    exec(code, {})

    three = np.random.default_rng(0).random((3, 3, 64, 64), np.float32)
    with RUNTIME.open(tmp_path / "mine.onnx") as session:
        (together,) = session.run({"images": three}).values()
        alone = [next(iter(session.run({"images": one[None]}).values())) for one in three]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-4)
