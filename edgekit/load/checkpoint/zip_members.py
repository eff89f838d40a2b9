"""The zip archives torch writes: members stored as they are, so that weights can be mapped.

Only that much of the format is read. What torch never writes (compression, encryption, names
that leave the folder, members that overlap or occur twice) is refused, so there is nothing in an
archive that two readers could read differently, and nothing that grows.

Source:
    PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgekit.errors import ModelError
from edgekit.load.checkpoint.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from mmap import mmap

CodeKind = Literal["script", "exported"]

MAX_MEMBERS = 50_000
_END = struct.Struct("<4s4H2IH")
_END64_PLACE = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_FULL = 0xFFFFFFFF
_EXPORTED = frozenset({"archive_format", "models/model.json", "serialized_exported_program.json"})
_CODE = {"script": "a TorchScript archive", "exported": "an exported program (.pt2)"}
_AGAIN = "Copy or download the file again."


@dataclass(frozen=True)
class Member:
    """One file of an archive: its bytes are ``data[start:start + size]``."""

    name: str
    start: int
    size: int
    crc: int
    is_stored: bool

    @property
    def end(self) -> int:
        """Return the first byte after it."""
        return self.start + self.size


def read_members(data: bytes | mmap) -> dict[str, Member]:
    """Return the members of the archive ``data`` by name, every byte of them checked.

    Raises:
        ModelError: It is cut short or damaged, or is no archive as torch writes them.
    """
    try:
        members = _central_directory(data)
    except (struct.error, UnicodeDecodeError, ValueError, OverflowError) as err:
        raise _damaged() from err
    _refuse_code({member.name for member in members})
    _refuse_packed(members)
    _refuse_overlaps(members, len(data))
    _check_sums(members, data)
    return {member.name: member for member in members}


def _central_directory(data: bytes | mmap) -> list[Member]:
    count, position, end = _find_directory(data)
    if count > MAX_MEMBERS:
        raise ModelError(f"expected at most {MAX_MEMBERS} files in the archive, found {count}.")
    members, names = [], set()
    for _ in range(count):
        member, position = _read_entry(data, position)
        if member.name in names:
            raise ModelError(
                f"expected each file of the archive once, found {shown(member.name)} twice. "
                "Save the checkpoint again."
            )
        names.add(member.name)
        members.append(member)
    if position != end:
        raise _damaged()
    return [member for member in members if not member.name.endswith("/")]


def _find_directory(data: bytes | mmap) -> tuple[int, int, int]:
    """Return the number of entries of the directory, its first byte and that behind its last."""
    end = len(data) - _END.size
    if end < 0 or data[end : end + 4] != b"PK\x05\x06":  # torch writes no comment after it
        raise _damaged()
    _, _, _, _, count, size, start, _ = _END.unpack_from(data, end)
    place = end - _END64_PLACE.size
    if place >= 0 and data[place : place + 4] == b"PK\x06\x07":
        _, _, end, _ = _END64_PLACE.unpack_from(data, place)
        magic, *_, count, size, start = _END64.unpack_from(data, min(end, place))
        if magic != b"PK\x06\x06":
            raise _damaged()
    if start + size > end:
        raise _damaged()
    return count, start, start + size


def _read_entry(data: bytes | mmap, position: int) -> tuple[Member, int]:
    """Return one entry of the directory and where the next begins."""
    magic, *head, name_size, extra_size, comment_size, _, _, _, local = _CENTRAL.unpack_from(
        data, position
    )
    _, _, flags, method, _, _, crc, packed, size = head
    if magic != b"PK\x01\x02":
        raise _damaged()
    position += _CENTRAL.size
    raw_name = data[position : position + name_size]
    name = raw_name.decode()
    extra = data[position + name_size : position + name_size + extra_size]
    size, packed, local = _wide((size, packed, local), extra)
    _refuse_name(name)
    is_stored = not method and not flags & 1 and size == packed
    member = Member(name, _data_start(data, local, raw_name), packed, crc, is_stored)
    return member, position + name_size + extra_size + comment_size


def _wide(sizes: tuple[int, int, int], extra: bytes) -> tuple[int, ...]:
    """Return ``sizes``, those too large for 32 bits from the zip64 field of ``extra``."""
    if _FULL not in sizes:
        return sizes
    position = 0
    while position < len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{sizes.count(_FULL)}Q", extra, position + 4))
            return tuple(next(wide) if size == _FULL else size for size in sizes)
        position += 4 + length
    raise _damaged()


def _data_start(data: bytes | mmap, local: int, raw_name: bytes) -> int:
    magic, *_, name_size, extra_size = _LOCAL.unpack_from(data, local)
    begin = local + _LOCAL.size
    if magic != b"PK\x03\x04" or data[begin : begin + name_size] != raw_name:
        raise _damaged()
    return int(begin + name_size + extra_size)


def _refuse_name(name: str) -> None:
    parts = name.removesuffix("/").split("/")
    if "\\" in name or ":" in name or "\0" in name or {"", ".", ".."} & set(parts):
        raise ModelError(
            f"expected file names inside the archive, found {shown(name)}, which leaves it. "
            "Do not unpack this file."
        )


def code_in(names: set[str]) -> CodeKind | None:
    """Return which kind of program has members of these ``names``, or ``None``: it is data."""
    inner = names | {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return "script"
    return "exported" if _EXPORTED & inner else None


def _refuse_code(names: set[str]) -> None:
    """Refuse what torch writes into archives of the same form when it saves programs."""
    kind = code_in(names)
    if kind is not None:
        raise ModelError(
            f"expected a checkpoint of weights, found {_CODE[kind]}, which is code, and edgekit "
            "runs no code of a file unasked. Convert the checkpoint it was made from, or its ONNX "
            "export; or, if you trust whoever made it, add --trust-code."
        )


def _refuse_packed(members: Iterable[Member]) -> None:
    for member in members:
        if not member.is_stored:
            raise ModelError(
                f"expected files stored as they are, as torch writes them, found "
                f"{shown(member.name)} compressed or encrypted. Unpack the archive and save the "
                "checkpoint with torch."
            )


def _refuse_overlaps(members: Iterable[Member], size: int) -> None:
    last = 0
    for member in sorted(members, key=lambda member: member.start):
        if member.start < last or member.end > size:
            raise _damaged()
        last = member.end


def _check_sums(members: Iterable[Member], data: bytes | mmap) -> None:
    """Compare checksums, unless the writer left them all out, which torch can be told to."""
    view = memoryview(data)
    if not any(member.crc for member in members):
        return
    for member in members:
        if zlib.crc32(view[member.start : member.end]) != member.crc:
            raise ModelError(
                f"expected the bytes that were saved, found {shown(member.name)} damaged "
                f"(its checksum differs). {_AGAIN}"
            )


def _damaged() -> ModelError:
    return ModelError(f"expected a whole zip archive, found one cut short or damaged. {_AGAIN}")
