import datetime as dt
import pathlib
import pickle
from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np
import pytest

from edgekit.load.checkpoint.machine import read_pickle
from edgekit.load.checkpoint.namespaces import is_accepted
from edgekit.load.checkpoint.plain import PLAIN
from edgekit.load.checkpoint.resolve import Resolver
from edgekit.load.checkpoint.values import Instance
from tests.load.checkpoint.files import call, name, pickled, plain, storage, tensor, tuple_of

FLAT = np.arange(4, dtype=np.float32)


def read(data: bytes):
    found = read_pickle(memoryview(data), 0, is_accepted)
    return Resolver(lambda _: FLAT, 100).resolve(found.root)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (OrderedDict(a=1, b=2), {"a": 1, "b": 2}),
        (defaultdict(int, a=1), {"a": 1}),
        (defaultdict(None, a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (deque([1, 2], 5), [1, 2]),
        ({1, 2}, [1, 2]),
        (frozenset({1}), [1]),
        (b"\x00\xff", b"\x00\xff"),
        (b"", b""),
        (bytearray(b"ab"), b"ab"),
        (1 + 2j, 1 + 2j),
        (pathlib.PurePosixPath("runs/train/exp"), "runs/train/exp"),
        (pathlib.PureWindowsPath("C:/runs/exp"), "C:\\runs\\exp"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_data_of_python_is_that_data(value, expected, protocol):
    found = read(pickle.dumps(value, protocol))

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (call("torch.device", plain("cuda"), plain(1)), "cuda:1"),
        (call("torch.device", plain("cpu")), "cpu"),
        (call("torch.Size", plain([1, 2])), (1, 2)),
        (call("torch.torch_version.TorchVersion", plain("2.1.0")), "2.1.0"),
        (call("collections.OrderedDict", plain([["a", 1], ["b", 2]])), {"a": 1, "b": 2}),
        (call("__builtin__.set", plain([1])), [1]),
        (call("__builtin__.bytearray", plain("ab"), plain("latin-1")), b"ab"),
    ],
)
def test_plain_data_of_torch_and_of_python_2_is_that_data(body, expected):
    assert read(pickled(body)) == expected


@pytest.mark.parametrize(
    "body",
    [
        tensor(),
        call("torch._utils._rebuild_tensor", storage(), plain(0), plain((4,)), plain((1,))),
        call("torch._utils._rebuild_parameter", tensor(), b"\x89", plain({})),
        call("torch._utils._rebuild_parameter_with_state", tensor(), b"\x89", plain({}), plain({})),
        call("torch.nn.parameter.Parameter", tensor(), b"\x88"),
        call(
            "torch._tensor._rebuild_from_type_v2",
            name("torch._utils._rebuild_tensor_v2"),
            name("torch.nn.parameter.Buffer"),
            tuple_of(storage(), plain(0), plain((4,)), plain((1,))),
            plain({}),
        ),
    ],
    ids=["v2", "v1", "parameter", "with state", "class", "subclass"],
)
def test_every_way_torch_writes_a_tensor_gives_its_array(body):
    np.testing.assert_array_equal(read(pickled(body)), FLAT)


def test_a_function_of_a_class_is_its_name():
    found = read(pickled(call("builtins.getattr", name("mmengine.H"), plain("mean"))))

    assert isinstance(found, Instance)
    assert (found.class_name, found.state) == ("mmengine.H.mean", {})


def test_what_is_of_no_known_constructor_is_an_instance():
    found = read(pickle.dumps(dt.timedelta(seconds=5), 2))

    assert (found.class_name, found.args) == ("datetime.timedelta", (0, 5, 0))


def test_no_constructor_is_a_function_of_the_process_that_a_file_could_name():
    assert {function.__module__ for function in PLAIN.values()} == {"edgekit.load.checkpoint.plain"}
