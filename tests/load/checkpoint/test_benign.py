"""What real training code saves, written by torch, is what torch reads."""

import argparse
import collections
import io
import pathlib
import types
import warnings

import numpy as np
import pytest

from edgekit.load.checkpoint.read import read_checkpoint, read_safetensors
from edgekit.load.checkpoint.state import find_state
from edgekit.load.checkpoint.values import Instance

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")


def numbers(*shape):
    return torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape) / 7


def network():
    generator = torch.random.get_rng_state()
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4), torch.nn.SiLU()
    )
    torch.random.set_rng_state(generator)
    return layers


def state():
    return network().state_dict()


def trained(make):
    """Return a network and its optimizer after one step."""
    layers = network()
    optimizer = make(layers.parameters())
    layers(numbers(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    return {"model": layers.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}


def shared():
    whole = numbers(4, 4)
    return {"whole": whole, "row": whole[1], "column": whole[:, 1], "again": whole}


VARIANTS = {
    "bare state dict": state,
    "state dict in a dict": lambda: {"state_dict": state(), "epoch": 12, "best": 0.5},
    "model and ema": lambda: {"model": state(), "ema": state(), "updates": 5},
    "ema only": lambda: {"ema_state_dict": state()},
    "module prefix": lambda: {f"module.{key}": value for key, value in state().items()},
    "compiled prefix": lambda: {f"_orig_mod.{key}": value for key, value in state().items()},
    "half": lambda: network().half().state_dict(),
    "bfloat16": lambda: network().bfloat16().state_dict(),
    "double": lambda: network().double().state_dict(),
    "integers": lambda: {
        str(dtype): torch.arange(5).to(dtype)
        for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
    },
    "unsigned": lambda: {
        str(dtype): torch.arange(5).to(dtype)
        for dtype in (torch.uint16, torch.uint32, torch.uint64)
    },
    "bool and complex": lambda: {
        "bool": torch.tensor([True, False]),
        "complex": torch.tensor([1 + 2j]),
        "complex double": torch.tensor([1 + 2j], dtype=torch.complex128),
    },
    "scalars": lambda: {"zero-dimensional": torch.tensor(3.5), "none": torch.zeros(0, 4)},
    "nested dicts": lambda: {"a": {"b": {"c": [numbers(2), (numbers(3), {"d": numbers(1)})]}}},
    "ordered dict": lambda: collections.OrderedDict(b=numbers(2), a=numbers(3)),
    "default dict": lambda: collections.defaultdict(list, a=[numbers(2)]),
    "shared storages": shared,
    "transposed": lambda: {"t": numbers(3, 4).t(), "p": numbers(2, 3, 4).permute(2, 0, 1)},
    "steps over elements": lambda: {"even": numbers(10)[::2], "inner": numbers(5, 5)[1:4, 1:4]},
    "expanded": lambda: {"e": numbers(1, 3).expand(4, 3)},
    "channels last": lambda: {
        "w": numbers(1, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    },
    "parameters": lambda: {"one": torch.nn.Parameter(numbers(3)), "some": [network()[0].weight]},
    "parameter list": lambda: torch.nn.ParameterList([torch.nn.Parameter(numbers(3))]).state_dict(),
    "buffer": lambda: {"b": torch.nn.Buffer(numbers(3))},
    "sgd": lambda: trained(lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
    "adam": lambda: trained(lambda p: torch.optim.AdamW(p, 0.1)),
    "scheduler": lambda: torch.optim.lr_scheduler.StepLR(
        torch.optim.SGD(network().parameters(), 0.1), 3
    ).state_dict(),
    "scaler": lambda: {"scaler": torch.amp.GradScaler("cpu").state_dict(), "w": numbers(2)},
    "averaged model": lambda: torch.optim.swa_utils.AveragedModel(network()).state_dict(),
    "options of argparse": lambda: {"args": argparse.Namespace(lr=0.1, name="x"), "w": numbers(2)},
    "simple namespace": lambda: {"cfg": types.SimpleNamespace(depth=0.33, names=["a"])},
    "paths": lambda: {"save_dir": pathlib.PurePosixPath("runs/train"), "w": numbers(2)},
    "paths of windows": lambda: {"save_dir": pathlib.PureWindowsPath("C:/runs")},
    "numpy scalars": lambda: {"fitness": np.float64(0.5), "epoch": np.int64(3), "ok": np.bool_(1)},
    "numpy arrays": lambda: {"a": np.arange(6.0).reshape(2, 3), "names": np.array(["a", "bc"])},
    "numpy big-endian": lambda: {"old": np.array([1, 2], ">f4")},
    "sizes, types and devices": lambda: {
        "size": numbers(2, 3).shape,
        "dtype": torch.float16,
        "device": torch.device("cuda", 1),
        "version": torch.__version__,
    },
    "sets and bytes": lambda: [{1}, frozenset({"a"}), b"\x00\xff", bytearray(b"x")],
    "odd keys": lambda: {0: "person", 1.5: None, (1, 2): True, None: [], True + 1: {}},
    "random states": lambda: [torch.get_rng_state(), np.random.RandomState(0).get_state()],
    "text and numbers": lambda: {"date": "2024-06-10T16:16", "n": 2**70, "f": -1.5e300, "u": "ü☂"},
    "functions and classes": lambda: [torch.nn.Module.float, torch.nn.functional.silu, dict],
    "one tensor": lambda: numbers(2, 3),
    "a list of tensors": lambda: [numbers(2), numbers(3)],
    "whole module": network,
    "whole module in data parallel": lambda: {"model": torch.nn.DataParallel(network())},
    "whole half module and ema": lambda: {"model": network(), "ema": network().half(), "epoch": -1},
}
WRITERS = {
    "zip, protocol 2": {},
    "zip, protocol 3": {"pickle_protocol": 3},
    "zip, protocol 4": {"pickle_protocol": 4},
    "zip, protocol 5": {"pickle_protocol": 5},
    "old": {"_use_new_zipfile_serialization": False},
    "old, protocol 4": {"_use_new_zipfile_serialization": False, "pickle_protocol": 4},
}


def written(value, **options) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old way of saving uses what torch calls deprecated
        torch.save(value, file, **options)
    return file.getvalue()


def same_array(ours, theirs) -> None:
    tensor = theirs.detach()
    expected = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    assert (ours.dtype, ours.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(ours, expected)


def same_numbers(ours, theirs) -> None:
    assert ours.dtype == theirs.dtype.newbyteorder("=")
    np.testing.assert_array_equal(ours, theirs)


def same_dict(ours, theirs) -> None:
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        same(ours[key], value)


def same_sequence(ours, theirs) -> None:
    assert isinstance(ours, tuple) == isinstance(theirs, tuple)
    for one, other in zip(ours, theirs, strict=True):
        same(one, other)


def same_text(ours, theirs) -> None:
    assert ours == str(theirs)


def same_name(ours, theirs) -> None:
    modern = ours.class_name.replace("__builtin__", "builtins")  # protocol 2 keeps old names
    assert modern == f"{theirs.__module__}.{theirs.__qualname__}"


def same_scalar(ours, theirs) -> None:
    assert ours == theirs.item()
    assert type(ours) is type(theirs.item())


def same_value(ours, theirs) -> None:
    assert ours == theirs


def same_object(ours, theirs) -> None:
    """Compare an instance with the object it stands for: its class's name and its attributes."""
    assert isinstance(ours, Instance)
    assert ours.class_name == f"{type(theirs).__module__}.{type(theirs).__qualname__}"
    same(dict(ours.state), theirs.__dict__)


SAME = (
    (torch.Tensor, same_array),
    (np.ndarray, same_numbers),
    (dict, same_dict),
    ((list, tuple), same_sequence),
    ((set, frozenset), lambda ours, theirs: same_value(set(ours), theirs)),
    ((pathlib.PurePath, torch.device), same_text),
    (torch.dtype, lambda ours, theirs: same_value(ours.class_name, str(theirs))),
    ((type, types.FunctionType), same_name),
    (np.generic, same_scalar),
    ((bool, int, float, str, bytes, bytearray, type(None)), same_value),
    (object, same_object),
)


def same(ours, theirs) -> None:
    """Hold that what we read of a file is what torch reads of it, put plainly."""
    compare = next(compare for kinds, compare in SAME if isinstance(theirs, kinds))
    compare(ours, theirs)


# torch cannot itself read what it writes of unsigned tensors in the old format
CASES = [
    (name, writer)
    for name in VARIANTS
    for writer in WRITERS
    if name != "unsigned" or writer.startswith("zip")
]


@pytest.mark.parametrize(("name", "writer"), CASES)
def test_what_is_read_is_what_torch_reads(tmp_path, name, writer):
    path = tmp_path / "a.pt"
    path.write_bytes(written(VARIANTS[name](), **WRITERS[writer]))

    found = read_checkpoint(path)

    same(found.content, torch.load(path, weights_only=False))


WITH_WEIGHTS = [
    "bare state dict",
    "state dict in a dict",
    "model and ema",
    "ema only",
    "module prefix",
    "compiled prefix",
    "sgd",
    "averaged model",
    "whole module",
    "whole module in data parallel",
]


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_the_weights_found_are_those_of_the_network(tmp_path, name):
    path = tmp_path / "a.pt"
    path.write_bytes(written(VARIANTS[name]()))
    expected = VARIANTS[name]()["model"] if name == "sgd" else state()

    found = find_state(read_checkpoint(path))

    assert list(found.arrays) == list(expected)
    for key, tensor in expected.items():
        same_array(found.arrays[key], tensor)


def test_what_shares_memory_in_the_file_shares_it_here(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(written(shared()))

    content = read_checkpoint(path).content

    assert np.shares_memory(content["whole"], content["row"])
    assert np.shares_memory(content["whole"], content["again"])


def test_a_file_of_a_big_endian_computer_is_read(tmp_path):
    path = tmp_path / "a.pt"
    values = {
        "f": numbers(5),
        "h": numbers(5).half(),
        "i": torch.arange(5),
        "b": torch.ones(3).bool(),
    }
    path.write_bytes(big_endian(written(values)))

    content = read_checkpoint(path).content

    same(content, values)
    same(content, torch.load(path))


def big_endian(data: bytes) -> bytes:
    """Return the archive as a big-endian computer would have written it."""
    reader = torch._C.PyTorchFileReader(io.BytesIO(data))
    sizes = [4, 2, 8, 1]
    file = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(file)
    for name in reader.get_all_records():
        record = reader.get_record(name)
        if name.startswith("data/"):
            size = sizes[int(name.removeprefix("data/"))]
            record = np.frombuffer(record, f"<u{size}").byteswap().tobytes()
        if name == "byteorder":
            record = b"big"
        if name not in ("version", ".data/serialization_id"):
            writer.write_record(name, record, len(record))
    writer.write_end_of_file()
    return file.getvalue()


def test_a_file_without_checksums_is_read(tmp_path):
    path = tmp_path / "a.pt"
    torch.serialization.set_crc32_options(False)
    try:
        path.write_bytes(written(state()))
    finally:
        torch.serialization.set_crc32_options(True)

    same(read_checkpoint(path).content, state())


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.int64,
        torch.uint8,
        torch.bool,
    ],
)
def test_safetensors_are_what_torch_saved(tmp_path, dtype):
    save_file = pytest.importorskip("safetensors.torch").save_file
    tensors = {"a.weight": numbers(2, 3).to(dtype), "b": torch.ones((), dtype=dtype)}
    path = tmp_path / "a.safetensors"
    save_file(tensors, path, {"format": "pt"})

    content = read_safetensors(path).content

    assert content.keys() == tensors.keys()
    for key, tensor in tensors.items():
        same_array(content[key], tensor)
