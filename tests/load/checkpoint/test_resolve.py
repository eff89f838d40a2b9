import numpy as np
import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint import resolve
from edgekit.load.checkpoint.machine import read_pickle
from edgekit.load.checkpoint.resolve import Resolver
from edgekit.load.checkpoint.values import Instance
from tests.load.checkpoint.files import (
    call,
    dict_of,
    list_of,
    name,
    pickled,
    plain,
    storage,
    tensor,
    tuple_of,
)

FLAT = np.arange(4, dtype=np.float32)


def value(body: bytes, max_elements: int = 100):
    read = read_pickle(memoryview(pickled(body)), 0, lambda _: True)
    return Resolver(lambda _: FLAT, max_elements).resolve(read.root)


def test_an_object_of_an_unknown_class_is_its_name_arguments_and_state():
    body = call("models.yolo.Model", plain(3)) + dict_of(a=tensor(), b=plain("x")) + b"b"

    found = value(body)

    assert isinstance(found, Instance)
    assert (found.class_name, found.args) == ("models.yolo.Model", (3,))
    assert list(found.state) == ["a", "b"]
    np.testing.assert_array_equal(found.state["a"], FLAT)


@pytest.mark.parametrize(
    ("rest", "state"),
    [
        (plain(5) + b"b", {"__state__": 5}),
        (plain(({"a": 1}, {"b": 2})) + b"b", {"a": 1, "b": 2}),
        (plain((None, {"b": 2})) + b"b", {"b": 2}),
        (b"(" + plain("k") + plain(1) + b"u", {"k": 1}),
        (b"(" + plain(1) + plain(2) + b"e", {"__items__": [1, 2]}),
        (b"", {}),
    ],
    ids=["no dict", "slots", "only slots", "entries", "items", "none"],
)
def test_a_state_of_any_form_is_kept(rest, state):
    assert value(call("utils.X") + rest).state == state


def test_a_class_that_is_only_named_is_an_instance_without_state():
    by_name = value(name("torch.float32"))
    by_reference = value(tuple_of(plain("module"), name("a.B"), plain(1), plain(2)) + b"Q")

    assert (by_name.class_name, by_name.state) == ("torch.float32", {})
    assert by_reference.class_name == "a.B"


def test_what_was_shared_is_one_value():
    first, second = value(list_of(dict_of(a=tensor()) + b"q\x00", b"h\x00"))

    assert first is second


def test_a_parameter_as_a_key_becomes_a_key():
    (key,) = value(b"}" + tensor() + plain(1) + b"s")

    assert key.class_name == "torch.Tensor"
    np.testing.assert_array_equal(key.args[0], FLAT)


def test_a_tuple_as_a_key_is_a_tuple():
    assert value(b"}" + tuple_of(plain("a"), plain(1)) + plain(2) + b"s") == {("a", 1): 2}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"]q\x00h\x00a", "a value that contains itself"),
        (b"]" * 200 + b"a" * 199, "nested more than 100 deep"),
        (
            b"(NNNNNNNNNNtq\x00" + b"".join([b"0(" + b"h\x00" * 10 + b"tq\x00"] * 7),
            "unfold to more than 1000000",
        ),
        (b"}" + call("builtins.set") + plain(1) + b"s", "a container or a complex number as a key"),
        (
            b"}" + call("builtins.complex", plain(1.5), plain(2)) + plain(1) + b"s",
            "a container or a complex number as a key",
        ),
        (
            tuple_of(plain("module"), plain("text"), plain(""), plain("")) + b"Q",
            "a class that is no name",
        ),
        (list_of(*[tensor((1000,), (0,))] * 2), "far more elements than the file has bytes"),
    ],
    ids=["cycle", "deep", "unfolds", "set key", "complex key", "module", "elements"],
)
def test_what_no_detector_has_is_refused(body, found):
    with pytest.raises(ModelError, match=found):
        value(body, 1500)


def test_what_calls_copy_is_limited(monkeypatch):
    monkeypatch.setattr(resolve, "MAX_COPIED", 10_000)
    text = plain("x" * 2000) + b"q\x05"
    again = call("_codecs.encode", b"h\x05", plain("latin1"))

    assert len(value(list_of(text, *[again] * 4))) == 5
    with pytest.raises(ModelError, match="calls that copy more than 10000 bytes"):
        value(list_of(text, *[again] * 6))


@pytest.mark.parametrize(
    "body",
    [
        call("torch._utils._rebuild_tensor_v2"),
        call("torch._utils._rebuild_tensor_v2", storage(), plain(-1), plain((1,)), plain((1,))),
        call("torch._utils._rebuild_parameter", plain("text")),
        call("collections.OrderedDict", plain(5)),
        call("pathlib.PosixPath", plain(5)),
        call("_codecs.encode", plain("☂"), plain("latin1")),
        call("builtins.complex", plain("1")),
    ],
)
def test_a_malformed_call_is_refused_by_its_name(body):
    called = body.split(b"\n")[1].decode()

    with pytest.raises(ModelError, match=f"expected a call of '.*{called}' as torch writes it"):
        value(body)
