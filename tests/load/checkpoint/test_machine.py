import pickle
import struct

import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint import machine
from edgekit.load.checkpoint.machine import read_pickle
from edgekit.load.checkpoint.nodes import Call, Global, Persistent
from tests.load.checkpoint.files import call, dict_of, list_of, name, pickled, plain, tuple_of


def read(data: bytes, *accepted: str):
    return read_pickle(memoryview(data), 0, lambda name: name.full_name in accepted)


def same(node, value) -> bool:
    """Compare with what Python unpickles; sets are written down as calls."""
    if isinstance(value, set | frozenset):
        members = node.items if node.items is not None else (node.args or ([],))[0]
        return node.target.name == type(value).__name__ and set(members) == value
    if isinstance(value, dict):
        return list(node) == list(value) and all(same(node[k], v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return type(node) is type(value) and all(
            same(*both) for both in zip(node, value, strict=True)
        )
    return type(node) is type(value) and node == value


VALUES = [
    None,
    [True, False, 0, 255, 65_536, -1, 2**31, 2**70, -(2**300), 1.5],
    ["", "text", "ü☂", "x" * 300],
    [b"", b"bytes", b"y" * 300],
    ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    {"a": {"b": [1, {"c": ()}]}, 1: 2, None: 3, 1.5: 4, (1, "x"): 5},
    [{1, 2}, set(), frozenset({"a"})],
    [[]] * 3,
    list(range(3000)),
]


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_data_is_what_python_reads(value, protocol):
    data = pickle.dumps(value, protocol)

    found = read(data)

    assert same(found.root, value)
    assert found.end == len(data)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3])
@pytest.mark.parametrize("index", [0, 1, 2, 4, 5, 7, 8])
def test_older_protocols_are_what_python_reads(index, protocol):
    assert same(read(pickle.dumps(VALUES[index], protocol)).root, VALUES[index])


def test_a_pickle_may_begin_inside_a_file():
    data = b"before" + pickle.dumps([1], 2) + b"after"

    found = read_pickle(memoryview(data), 6, lambda _: False)

    assert found.root == [1]
    assert data[found.end :] == b"after"


def test_what_is_shared_stays_shared():
    inner = ["x"]

    first, second = read(pickle.dumps([inner, inner], 2)).root

    assert first is second


def test_an_accepted_call_is_written_down_with_all_it_would_do():
    body = call("a.B", plain(1)) + plain({"state": 2}) + b"b"
    body += b"(" + plain("k") + plain("v") + b"u(" + plain(3) + b"e"

    root = read(pickled(body), "a.B").root

    assert isinstance(root, Call)
    assert (root.target.full_name, root.args, root.state) == ("a.B", (1,), {"state": 2})
    assert (root.entries, root.items) == ({"k": "v"}, [3])


@pytest.mark.parametrize(
    "body",
    [
        name("a.B") + plain((7,)) + b"R",
        name("a.B") + plain((7,)) + b"\x81",
        name("a.B") + plain((7,)) + plain({}) + b"\x92",
        b"(" + plain(7) + b"ia\nB\n",
        b"(" + name("a.B") + plain(7) + b"o",
        plain("a") + plain("B") + b"\x93" + plain((7,)) + b"R",
        tuple_of(plain("module"), name("a.B"), plain("f"), plain("s")) + b"Q" + plain((7,)) + b"R",
    ],
    ids=["REDUCE", "NEWOBJ", "NEWOBJ_EX", "INST", "OBJ", "STACK_GLOBAL", "module"],
)
def test_every_way_to_call_goes_through_the_same_check(body):
    assert read(pickled(body), "a.B").root.args == (7,)
    with pytest.raises(ModelError, match=r"its pickle calls 'a\.B' \(byte \d+\).*Nothing was run"):
        read(pickled(body), "a.Other")


def test_a_name_that_is_not_called_is_only_a_name():
    root = read(pickled(name("os.system"))).root

    assert isinstance(root, Global)
    assert root.full_name == "os.system"


def test_references_are_kept_in_order():
    parts = [tuple_of(plain("storage"), plain(key)) + b"Q" for key in "ab"]

    found = read(pickled(list_of(*parts)))

    assert [ref.identity for ref in found.references] == [("storage", "a"), ("storage", "b")]
    assert all(isinstance(item, Persistent) for item in found.root)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (plain("text") + plain(()) + b"R", "calls 'text'"),
        (call("a.B") + plain(()) + b"R", r"calls what 'a\.B' returns"),
        (name("a.B") + plain({}) + b"b", r"sets the state of 'a\.B'"),
        (plain([]) + plain({}) + b"b", "sets the state of a list"),
        (name("a.B") + plain(()) + plain({"x": 1}) + b"\x92", "calls something with named"),
        (b"\x82\x01", "uses the pickle opcode EXT1"),
        (b"\x97", "uses the pickle opcode NEXT_BUFFER"),
        (b"Pname\n", "uses the pickle opcode PERSID"),
        (plain("key") + b"Q", "refers to something outside"),
        (plain(("file", "x")) + b"Q", "refers to something outside"),
        (b"}" + plain(((1,),)) + plain(1) + b"s", "has a tuple as a key"),
        (b"}" + plain("k" * 1001) + plain(1) + b"s", "has 'kkk.*' as a key"),
        (b"}" + plain(1 << 61) + plain(1) + b"s", "has a int as a key"),
    ],
)
def test_what_no_checkpoint_does_is_refused_by_name(body, found):
    with pytest.raises(ModelError, match=found):
        read(pickled(body), "a.B")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02]",
        b"\x80\x02X\xff\x00\x00\x00abc.",
        b"\x80\x02h\x05.",
        b"\x80\x020.",
        b"\x80\x02e.",
        b"\x80\x02t.",
        b"\x80\x02\x85.",
        b"\x80\x02NNs.",
        b"\x80\x02](K\x01u.",
        b"\x80\x02}(K\x01u.",
        b"\x80\x02NK\x01a.",
        b"\x80\x02K\x01K\x02\x93.",
        b"\x80\x02ca\nB\n]R.",
        b"\x80\x02\xff.",
        b"\x80\x04\x8d" + b"\xff" * 8 + b".",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
    ],
)
def test_a_damaged_pickle_is_refused(data):
    with pytest.raises(ModelError, match=r"expected a readable pickle, found that its pickle ends"):
        read(data, "a.B")


@pytest.mark.parametrize("data", [pickled(b"NN"), pickled(b"N("), pickled(b"]("), pickled()])
def test_a_pickle_of_not_one_object_is_refused(data):
    with pytest.raises(ModelError, match="to leave one object"):
        read(data)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"N0" * 400_000 + b"N", "more than 600000 steps"),
        (b"](" + b"}" * 200_000 + b"e", "more than 150000 objects"),
        (
            b"X" + struct.pack("<I", (8 << 20) + 1) + b"x" * ((8 << 20) + 1),
            "text or a number longer",
        ),
        (name("a." + "B" * 300), "a name longer than 256"),
        (
            b"}(" + b"".join(plain((i,)) + b"N" for i in range(1001)) + b"u",
            "more than 1000 keys that are tuples",
        ),
    ],
    ids=["steps", "objects", "text", "name", "tuples"],
)
def test_every_limit_is_named(body, found):
    with pytest.raises(ModelError, match=found):
        read(pickled(body))


def test_a_pickle_longer_than_the_limit_is_said_to_be_that(monkeypatch):
    monkeypatch.setattr(machine, "MAX_BYTES", 100)

    with pytest.raises(ModelError, match="is longer than 100 bytes"):
        read(pickled(list_of(*[plain("word")] * 100)))


def test_a_memo_index_of_the_files_choice_is_refused():
    with pytest.raises(ModelError, match="damaged"):
        read(pickled(b"Np" + str(2**61 - 1).encode() + b"\n"))


def test_keys_that_are_numbers_texts_and_names_are_kept():
    root = read(pickled(dict_of(a=b"N")[:-1] + name("a.B") + b"N" + plain(-1) + b"Nu")).root

    assert [key if not isinstance(key, Global) else key.full_name for key in root] == [
        "a",
        "a.B",
        -1,
    ]
