import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import ModelError
from edgekit.load.checkpoint import zip_members
from edgekit.load.checkpoint.zip_members import read_members
from tests.load.checkpoint.files import archive

TWO = archive({"a/data.pkl": b"first", "a/data/0": b"second"})


def patched(data: bytes, old: bytes, new: bytes, count: int = -1) -> bytes:
    assert old in data
    return data.replace(old, new, count)


def entry(data: bytes, index: int = 0) -> int:
    """Return where the central directory's entry number ``index`` begins."""
    place = -1
    for _ in range(index + 1):
        place = data.index(b"PK\x01\x02", place + 1)
    return place


def with_field(data: bytes, place: int, form: str, value: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, place, value)
    return bytes(changed)


@given(st.dictionaries(st.text("abc/é", min_size=1), st.binary(max_size=50), max_size=4))
def test_members_are_those_zipfile_reads(contents):
    names = [n for n in contents if not ({"", ".", ".."} & set(n.split("/")))]
    data = archive({name: contents[name] for name in names})

    members = read_members(data)

    assert {n: data[m.start : m.end] for n, m in members.items()} == {n: contents[n] for n in names}


def test_folders_are_no_members():
    assert list(read_members(archive({"a/": b"", "a/b": b"x"}))) == ["a/b"]


def test_sizes_too_large_for_32_bits_are_read_where_zip64_keeps_them():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened, opened.open("a/b", "w", force_zip64=True) as member:
        member.write(b"content")
    data = file.getvalue()
    place = entry(data)
    wide = struct.pack("<2HQQ", 1, 16, 7, 7)
    changed = bytearray(data)
    struct.pack_into("<II", changed, place + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", changed, place + 30, len(wide))
    changed[place + 46 + 3 : place + 46 + 3] = wide
    end = changed.index(b"PK\x05\x06")
    struct.pack_into("<I", changed, end + 12, 46 + 3 + len(wide))

    member = read_members(bytes(changed))["a/b"]

    assert changed[member.start : member.end] == b"content"


@pytest.mark.parametrize(
    "name",
    ["../a", "/etc/passwd", "a/../../b", "a//b", "./a", "C:/a", "a\\..\\b", "a/..", "\\\\host\\a"],
)
def test_names_that_leave_the_archive_are_refused(name):
    data = archive({"a" * len(name): b"x"})

    with pytest.raises(ModelError, match="which leaves it"):
        read_members(data.replace(b"a" * len(name), name.encode()))


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused(compression):
    with pytest.raises(ModelError, match=r"found 'a/data\.pkl' compressed or encrypted"):
        read_members(archive({"a/data.pkl": b"0" * 10_000}, compression))


def test_an_encrypted_member_is_refused():
    with pytest.raises(ModelError, match="compressed or encrypted"):
        read_members(with_field(TWO, entry(TWO) + 8, "<H", 1))


def test_two_members_of_one_name_are_refused():
    data = patched(archive({"a/b": b"x", "a/c": b"y"}), b"a/c", b"a/b")

    with pytest.raises(ModelError, match="found 'a/b' twice"):
        read_members(data)


def test_members_that_share_bytes_are_refused():
    first = struct.unpack_from("<I", TWO, entry(TWO) + 42)[0]
    both = archive({"a/x": b"1234", "a/y": b"1234"}).replace(b"a/y", b"a/x")
    shared = with_field(TWO, entry(TWO, 1) + 42, "<I", first)

    for data in (shared, both):
        with pytest.raises(ModelError, match=r"cut short or damaged|twice"):
            read_members(data)


@pytest.mark.parametrize(
    ("place", "form", "value"),
    [
        (lambda d: entry(d) + 42, "<I", 0xFFFFFFF0),
        (lambda d: entry(d) + 42, "<I", 0xFFFFFFFF),
        (lambda d: entry(d) + 42, "<I", 5),
        (lambda d: entry(d) + 28, "<H", 0xFFFF),
        (lambda d: entry(d) + 30, "<H", 0xFFFF),
        (entry, "<I", 0),
        (lambda d: d.index(b"PK\x05\x06") + 10, "<H", 3),
        (lambda d: d.index(b"PK\x05\x06") + 10, "<H", 1),
        (lambda d: d.index(b"PK\x05\x06") + 16, "<I", 0xFFFFFFF0),
        (lambda d: d.index(b"PK\x05\x06") + 12, "<I", 0xFFFFFFF0),
    ],
)
def test_a_directory_that_points_elsewhere_is_refused(place, form, value):
    with pytest.raises(ModelError, match="found one cut short or damaged"):
        read_members(with_field(TWO, place(TWO), form, value))


@pytest.mark.parametrize("value", [1 << 63, (1 << 64) - 1, 1 << 40])
def test_places_no_file_has_are_refused(value):
    name = b"a/b"
    wide = struct.pack("<2HQ", 1, 8, value)
    head = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *[0] * 6, 0, 1, 1, 3, 12, *[0] * 4, 0xFFFFFFFF)
    directory = head + name + wide
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)

    with pytest.raises(ModelError, match="cut short or damaged"):
        read_members(directory + end)


@pytest.mark.parametrize("size", [1000, 1 << 31, (1 << 32) - 2])
def test_a_size_beyond_the_file_is_refused(size):
    data = archive({"a/b": b"x"})
    for place in (20, 24):
        data = with_field(data, entry(data) + place, "<I", size)

    with pytest.raises(ModelError, match="cut short or damaged"):
        read_members(data)


def test_a_changed_byte_is_found_by_its_checksum():
    with pytest.raises(ModelError, match="found 'a/data/0' damaged"):
        read_members(patched(TWO, b"second", b"Second"))


def test_an_archive_written_without_checksums_is_read():
    data = TWO
    for index in range(2):
        data = with_field(data, entry(data, index) + 16, "<I", 0)

    assert len(read_members(data)) == 2


@pytest.mark.parametrize("cut", range(1, len(TWO), 7))
def test_a_file_cut_anywhere_is_refused(cut):
    with pytest.raises(ModelError, match="cut short or damaged"):
        read_members(TWO[:cut])


def test_more_members_than_any_model_has_are_refused(monkeypatch):
    monkeypatch.setattr(zip_members, "MAX_MEMBERS", 1)

    with pytest.raises(ModelError, match="expected at most 1 files in the archive, found 2"):
        read_members(TWO)
