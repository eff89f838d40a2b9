import json
import sys

import pytest
import torch
from torch import nn

from edgekit.errors import ModelError
from edgekit.nets.program import Flat, load_program

IMAGES = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
SAID = {"names": {"0": "cat", "1": "dog"}, "imgsz": [32, 32], "stride": 8, "task": "segment"}


class Net(nn.Module):
    """A tensor, and two more in a list."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 8, 8)

    def forward(self, images):
        x = self.conv(images)
        return x.flatten(2), [x, x + 1]


class Ranked(nn.Module):
    """Detections, the best first."""

    def forward(self, images):
        rows = images[:, 0].flatten(1)[:, :60].reshape(-1, 10, 6)
        order = rows[..., 4].sort(1, descending=True).indices
        return rows.gather(1, order[..., None].expand(-1, -1, 6))


def written(path, kind, module=None, extra=None):
    module = (module or Net()).eval()
    files = {"config.txt": extra if isinstance(extra, str) else json.dumps(extra or {})}
    if kind == "script":
        torch.jit.trace(module, IMAGES).save(path, _extra_files=files)
    else:
        path = path.with_suffix(".pt2")
        torch.export.save(torch.export.export(module, (IMAGES,)), path, extra_files=files)
    return path


KINDS = pytest.mark.parametrize("kind", ["script", "exported"])
TRACER = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
pytestmark = [TRACER, pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")]


def test_a_program_may_be_called_anything(tmp_path, capfd):
    path = written(tmp_path / "net", "exported").rename(tmp_path / "net.bin")

    assert load_program(path, "exported").size_hw == (32, 32)
    assert capfd.readouterr().err == ""


@KINDS
def test_every_tensor_comes_out_one_after_the_other(kind, tmp_path):
    program = load_program(written(tmp_path / "net", kind), kind, (32, 32))

    found = program.module(IMAGES)

    flat, (x, more) = Net()(IMAGES)
    assert all(map(torch.equal, found, (flat, x, more)))
    assert len(found) == 3
    assert program.notes == ("Its own code was run, as --trust-code allows.",)


@KINDS
def test_what_is_written_beside_the_program_is_read(kind, tmp_path):
    program = load_program(written(tmp_path / "net", kind, extra=SAID), kind)

    assert (program.class_names, program.strides) == (("cat", "dog"), (8.0,))
    assert (program.size_hw, program.task) == ((32, 32), "segment")


@KINDS
@pytest.mark.parametrize("text", ["", "[1]", "{", "{'names': 3, 'imgsz': 'x', 'stride': None}"])
def test_what_says_nothing_leaves_it_open(kind, text, tmp_path):
    program = load_program(written(tmp_path / "net", kind, extra=text), kind, (32, 32))

    assert (program.class_names, program.strides, program.family) == ((), (), "")
    assert (program.task, program.end_to_end) == ("detect", False)


def test_an_exported_program_is_given_the_size_it_was_exported_with(tmp_path):
    assert load_program(written(tmp_path / "net", "exported"), "exported").size_hw == (32, 32)


def test_a_shape_tells_the_size_too(tmp_path):
    path = written(tmp_path / "net", "script", extra={"shape": [1, 3, 64, 96], "names": ["a"]})

    program = load_program(path, "script")

    assert (program.size_hw, program.class_names) == ((64, 96), ("a",))


@KINDS
def test_detections_that_come_best_first_are_known_as_such(kind, tmp_path):
    path = written(tmp_path / "net", kind, Ranked())

    assert load_program(path, kind, (32, 32)).end_to_end


@KINDS
def test_half_precision_weights_are_widened_and_said(kind, tmp_path):
    if kind == "script":
        torch.jit.script(Plain().half()).save(tmp_path / "net")
    else:
        torch.export.save(
            torch.export.export(Plain().half(), (IMAGES.half(),)), tmp_path / "net.pt2"
        )
    (path,) = tmp_path.iterdir()

    program = load_program(path, kind, (32, 32))

    assert program.notes[1:] == ("Half-precision weights are computed in float32.",)
    (found,) = program.module(IMAGES)
    torch.testing.assert_close(found, Plain().half().float()(IMAGES))


class Plain(nn.Module):
    """One convolution."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 8, 8)

    def forward(self, images):
        return self.conv(images)


def test_a_size_that_does_not_fit_is_refused(tmp_path):
    path = written(tmp_path / "net", "exported")

    with pytest.raises(ModelError, match=r"takes float32 images \(1, 3, 64, 64\).*--input-size"):
        load_program(path, "exported", (64, 64))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with a module in it that makes networks."""
    monkeypatch.chdir(tmp_path)
    text = """
import torch
def make():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 8, 8))
    net.names, net.stride = ["a", "b"], torch.tensor([8.0, 16.0])
    return net.train()
def other():
    return 3
def fail():
    raise OSError("no weights here.\\nmore")
def empty():
    return torch.nn.ModuleDict()
def nothing():
    net = make()
    net.forward = lambda images: "text"
    return net
"""
    (tmp_path / "my_networks.py").write_text(text)
    yield tmp_path
    sys.modules.pop("my_networks", None)


def make(here, name):
    return load_program(here.relative_to(here) / f"my_networks:{name}", "function", (32, 32))


def test_a_function_of_the_current_folder_is_called(here):
    program = make(here, "make")

    assert not any(module.training for module in program.module.modules())
    assert (program.class_names, program.strides) == (("a", "b"), (16.0,))
    assert str(here) not in sys.path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("other", r"other\(\) gave a int and no torch\.nn\.Module"),
        ("fail", r"OSError: no weights here\. Check"),
        ("gone", "AttributeError: .*'gone'"),
        ("empty", "takes float32 images .*NotImplementedError"),
        ("nothing", "a module that gives tensors, found one that gives none"),
    ],
)
def test_a_function_that_makes_no_network_is_refused(here, name, found):
    with pytest.raises(ModelError, match=rf"(?s)'my_networks:{name}': expected .*{found}"):
        make(here, name)


def test_a_module_that_is_not_there_is_refused(here):
    with pytest.raises(ModelError, match="ModuleNotFoundError: No module named 'no_such'"):
        load_program(here.relative_to(here) / "no_such:make", "function")


def test_dicts_come_out_flat_too():
    module = Flat(lambda images: {"boxes": images, "more": ["text", (images + 1, None)]})

    assert [float(t.sum()) for t in module(torch.ones(2))] == [2, 4]
