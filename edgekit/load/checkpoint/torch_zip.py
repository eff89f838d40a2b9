"""Checkpoints as torch writes them since 1.6: a zip of one pickle and the storages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.load.checkpoint.machine import read_pickle
from edgekit.load.checkpoint.namespaces import is_accepted
from edgekit.load.checkpoint.resolve import Resolver
from edgekit.load.checkpoint.shown import shown
from edgekit.load.checkpoint.storages import StorageId, Storages
from edgekit.load.checkpoint.zip_members import read_members

if TYPE_CHECKING:
    from mmap import mmap

    from edgekit.load.checkpoint.storages import Order
    from edgekit.load.checkpoint.zip_members import Member

SPARE_ELEMENTS = 1 << 24
_ORDERS: dict[bytes, Order] = {b"little": "<", b"big": ">"}


def read_torch_zip(data: bytes | mmap) -> Any:
    """Return the content of the zip checkpoint ``data``.

    Raises:
        ModelError: It is damaged, asks for code, or is of a kind that is code.
    """
    members = read_members(data)
    folder = _folder(members)
    view = memoryview(data)
    order = _byte_order(members.get(f"{folder}byteorder"), view)

    def find(storage: StorageId) -> memoryview:
        member = members.get(f"{folder}data/{storage.key}")
        found = member.size if member else 0
        if found != storage.nbytes:
            raise ModelError(
                f"expected {storage.nbytes} bytes in storage {shown(storage.key)}, found "
                f"{found}. Copy or save the file again."
            )
        return view[member.start : member.end] if member else view[:0]

    pickled = members[f"{folder}data.pkl"]
    pickle = read_pickle(view[: pickled.end], pickled.start, is_accepted)
    resolver = Resolver(Storages(find, order).load, 4 * len(data) + SPARE_ELEMENTS)
    return resolver.resolve(pickle.root)


def _folder(members: dict[str, Member]) -> str:
    """Return the folder, with its slash, that holds the pickle and the storages."""
    found = [name for name in members if name.split("/")[1:] == ["data.pkl"]]
    if len(found) != 1:
        raise ModelError(
            f"expected one 'data.pkl' in a folder of the archive, found {len(found)} among "
            f"{len(members)} files. Name a checkpoint that torch.save wrote."
        )
    return found[0].removesuffix("data.pkl")


def _byte_order(member: Member | None, view: memoryview) -> Order:
    if member is None:
        return "<"  # what torch assumes of files from before it wrote this
    text = bytes(view[member.start : member.end][:16])
    if text not in _ORDERS:
        raise ModelError(
            f"expected byte order 'little' or 'big', found {shown(text.decode('latin1'))}. "
            "Copy or save the file again."
        )
    return _ORDERS[text]
