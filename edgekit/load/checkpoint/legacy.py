"""Checkpoints as torch wrote them before 1.6: pickles one after the other, then the storages.

The order: a magic number, the protocol version, facts about the system, the object, the keys of
the storages, and for each key its number of elements and its bytes. The bytes are little-endian
on every system: torch swaps them when it writes, whatever the facts about the system say.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.load.checkpoint.machine import read_pickle
from edgekit.load.checkpoint.mapped import no_checkpoint
from edgekit.load.checkpoint.namespaces import is_accepted
from edgekit.load.checkpoint.resolve import Resolver
from edgekit.load.checkpoint.shown import shown
from edgekit.load.checkpoint.storages import StorageId, Storages, item_size, storage_id
from edgekit.load.checkpoint.torch_zip import SPARE_ELEMENTS
from edgekit.load.content import SAFETENSORS, kind_of_content

if TYPE_CHECKING:
    from collections.abc import Iterable
    from mmap import mmap

    from edgekit.load.checkpoint.nodes import Persistent

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_SIZE = struct.Struct("<q")


def read_legacy(data: bytes | mmap) -> Any:
    """Return the content of the checkpoint ``data``.

    Raises:
        ModelError: It is damaged, asks for code, or is no checkpoint.
    """
    if data[257:262] == b"ustar":
        raise ModelError(
            "expected a checkpoint of PyTorch 0.2 or later, found the tar archive of an "
            "earlier one. Load and save it with PyTorch 1.0 to 2.5."
        )
    if data[:1] != b"\x80" or kind_of_content(data[:16]) is SAFETENSORS:
        raise no_checkpoint(data)
    view = memoryview(data)
    magic = read_pickle(view, 0, is_accepted)
    if type(magic.root) is not int or magic.root != _MAGIC:
        raise ModelError(
            "expected a PyTorch checkpoint, found a pickle of something else. "
            "Save the model with torch.save."
        )
    version = read_pickle(view, magic.end, is_accepted)
    if version.root != _VERSION:
        raise ModelError(
            f"expected version {_VERSION} of the old format, found another. "
            "Save the checkpoint again with a current PyTorch."
        )
    system = read_pickle(view, version.end, is_accepted)
    pickle = read_pickle(view, system.end, is_accepted)
    keys = read_pickle(view, pickle.end, is_accepted)
    places = _places(data, keys.root, keys.end, _declared(pickle.references))

    def find(storage: StorageId) -> memoryview:
        start, end = places[storage.key]
        if end - start != storage.nbytes:
            raise _other_size(storage.key)
        return view[start:end]

    resolver = Resolver(Storages(find).load, 4 * len(data) + SPARE_ELEMENTS)
    return resolver.resolve(pickle.root)


def _declared(references: Iterable[Persistent]) -> dict[str, StorageId]:
    storages = [storage_id(ref) for ref in references if ref.identity[0] == "storage"]
    return {storage.key: storage for storage in storages}


def _places(
    data: bytes | mmap, keys: Any, position: int, declared: dict[str, StorageId]
) -> dict[str, tuple[int, int]]:
    """Return the first and the last byte of each storage."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise _other_size("")
    places = {}
    for key in keys:
        storage = declared.get(key)
        size = data[position : position + _SIZE.size]
        if storage is None or len(size) < _SIZE.size or _SIZE.unpack(size)[0] != storage.numel:
            raise _other_size(key)
        start = position + _SIZE.size
        position = start + storage.numel * item_size(storage.dtype)
        if position > len(data):
            raise _other_size(key)
        places[key] = (start, position)
    missing = declared.keys() - places.keys()
    if missing:
        raise _other_size(min(missing))
    return places


def _other_size(key: str) -> ModelError:
    return ModelError(
        f"expected the storages the checkpoint declares, found storage {shown(key)} missing, "
        "of another size, or cut short. Copy or download the file again."
    )
