import struct

import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint.torch_zip import read_torch_zip
from tests.load.checkpoint.files import FLOATS, archive, checkpoint, dict_of, pickled, plain, tensor


def members(**changes: bytes | None) -> dict[str, bytes]:
    whole = {"m/data.pkl": pickled(tensor()), "m/data/0": FLOATS, "m/byteorder": b"little"}
    changed = whole | {f"m/{name.replace('__', '/')}": data for name, data in changes.items()}
    return {name: data for name, data in changed.items() if data is not None}


def test_tensors_are_views_of_the_archive():
    data = bytearray(checkpoint(tensor()))
    array = read_torch_zip(bytes(data))

    assert array.tolist() == [1, 2, 3, 4]
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_the_folder_may_have_any_name():
    data = archive({"best/data.pkl": pickled(plain({"epoch": 1})), "best/version": b"3\n"})

    assert read_torch_zip(data) == {"epoch": 1}


@pytest.mark.parametrize(("order", "form"), [(None, "<4f"), (b"little", "<4f"), (b"big", ">4f")])
def test_the_byte_order_is_the_files(order, form):
    kept = struct.pack(form, 1, 2, 3, 4)

    assert read_torch_zip(archive(members(byteorder=order, data__0=kept))).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"byteorder": b"middle"}, "expected byte order 'little' or 'big', found 'middle'"),
        ({"data__0": None}, "expected 16 bytes in storage '0', found 0"),
        ({"data__0": FLOATS[:12]}, "expected 16 bytes in storage '0', found 12"),
        ({"data__0": FLOATS * 2}, "expected 16 bytes in storage '0', found 32"),
        ({"data.pkl": None}, "expected one 'data.pkl' in a folder of the archive, found 0 among 2"),
        ({"code__x.py": b""}, r"found a TorchScript archive, which is code"),
        ({"constants.pkl": b""}, "found a TorchScript archive"),
        ({"archive_format": b"pt2"}, r"found an exported program \(\.pt2\)"),
    ],
)
def test_what_is_no_whole_checkpoint_is_refused(changes, found):
    with pytest.raises(ModelError, match=found):
        read_torch_zip(archive(members(**changes)))


def test_two_checkpoints_in_one_archive_are_refused():
    with pytest.raises(ModelError, match=r"found 2 among 4"):
        read_torch_zip(archive(members() | {"n/data.pkl": pickled(dict_of())}))


def test_an_archive_of_something_else_is_refused():
    with pytest.raises(ModelError, match=r"found 0 among 1 files\. Name a checkpoint"):
        read_torch_zip(archive({"word/document.xml": b"<xml/>"}))
