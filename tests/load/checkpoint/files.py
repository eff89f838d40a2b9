"""Checkpoints put together byte by byte: as torch writes them, and as only an attacker would."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

FLOATS = struct.pack("<4f", 1, 2, 3, 4)


def pickled(*parts: bytes) -> bytes:
    """Return a pickle of protocol 2 that carries out ``parts``."""
    return b"\x80\x02" + b"".join(parts) + b"."


def plain(value) -> bytes:
    """Return the part that puts plain data on the stack."""
    return pickle.dumps(value, 2)[2:-1]


def name(full: str) -> bytes:
    module, _, last = full.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def tuple_of(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def list_of(*parts: bytes) -> bytes:
    return b"](" + b"".join(parts) + b"e"


def dict_of(**parts: bytes) -> bytes:
    return b"}(" + b"".join(plain(key) + part for key, part in parts.items()) + b"u"


def call(full: str, *args: bytes) -> bytes:
    return name(full) + tuple_of(*args) + b"R"


def storage(kind: str = "FloatStorage", key: str = "0", numel: int = 4) -> bytes:
    return (
        tuple_of(plain("storage"), name(f"torch.{kind}"), plain(key), plain("cpu"), plain(numel))
        + b"Q"
    )


def tensor(shape=(4,), strides=(1,), offset=0, kept: bytes | None = None) -> bytes:
    """Return the part that makes a tensor as torch writes it, of the storage ``kept``."""
    view = (plain(offset), plain(shape), plain(strides))
    rest = (b"\x89", call("collections.OrderedDict"))
    return call("torch._utils._rebuild_tensor_v2", kept or storage(), *view, *rest)


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as opened:
        for path, data in members.items():
            opened.writestr(zipfile.ZipInfo(path), data, compression)
    return file.getvalue()


def checkpoint(body: bytes, storages=(FLOATS,)) -> bytes:
    """Return an archive as torch writes it, of a pickle made of ``body``."""
    kept = {f"archive/data/{key}": data for key, data in enumerate(storages)}
    return archive({"archive/data.pkl": pickled(body), "archive/byteorder": b"little", **kept})


def legacy(body: bytes, storages=(FLOATS,)) -> bytes:
    """Return a checkpoint as torch wrote it before 1.6."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    keys = [str(key) for key in range(len(storages))]
    parts = [*(pickle.dumps(part, 2) for part in head), pickled(body), pickle.dumps(keys, 2)]
    kept = [struct.pack("<q", len(data) // 4) + data for data in storages]
    return b"".join([*parts, *kept])


def tensors_file(table, data: bytes = FLOATS) -> bytes:
    """Return a safetensors file with ``table``, JSON text or what becomes it."""
    header = table if isinstance(table, bytes) else json.dumps(table).encode()
    return struct.pack("<Q", len(header)) + header + data
