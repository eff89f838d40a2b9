"""Safetensors files: a JSON table of names, types and places, then the bytes.

Source:
    https://github.com/huggingface/safetensors, README, "Format".
"""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.load.checkpoint.mapped import no_checkpoint
from edgekit.load.checkpoint.shown import shown
from edgekit.load.checkpoint.storages import BFLOAT16, flat_array, item_size
from edgekit.load.checkpoint.tensors import is_possible
from edgekit.load.content import SAFETENSORS, kind_of_content

if TYPE_CHECKING:
    from mmap import mmap

    from numpy.typing import NDArray

_MAX_HEADER = 4 << 20
_TYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "I16": "i2",
    "U16": "u2",
    "I32": "i4",
    "U32": "u4",
    "I64": "i8",
    "U64": "u8",
    "F16": "f2",
    "BF16": BFLOAT16,
    "F32": "f4",
    "F64": "f8",
}


def read_tensors(data: bytes | mmap) -> dict[str, NDArray[Any]]:
    """Return the tensors of the safetensors file ``data`` by name.

    Raises:
        ModelError: It is damaged, cut short, of another kind, or has a type NumPy has not.
    """
    if kind_of_content(data[:16]) not in {None, SAFETENSORS}:
        raise no_checkpoint(data, "a safetensors file")
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= size <= _MAX_HEADER or 8 + size > len(data):
        raise _damaged("no table of its tensors at its start")
    table = _table(data[8 : 8 + size])
    view = memoryview(data)[8 + size :]
    tensors = {name: _tensor(name, entry, view) for name, entry in table.items()}
    places = sorted(tuple(entry["data_offsets"]) for entry in table.values())
    ends = [0, *(end for _, end in places)]
    if [start for start, _ in places] != ends[:-1] or ends[-1] != len(view):
        raise _damaged("tensors that overlap, or bytes that belong to none")
    return tensors


def _table(header: bytes) -> dict[str, Any]:
    try:
        table = json.loads(header, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as err:
        raise _damaged("a table that is no JSON") from err
    if not isinstance(table, dict):
        raise _damaged("a table that is no JSON object")
    table.pop("__metadata__", None)
    return table


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise _damaged("a name twice")
    return table


def _tensor(name: str, entry: Any, view: memoryview) -> NDArray[Any]:
    match entry:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(start), int(end)]}:
            pass
        case _:
            raise _damaged(f"{shown(name)} without type, shape or place")
    if kind not in _TYPES:
        raise ModelError(
            f"expected tensors of {', '.join(_TYPES)}, found {shown(name)} of {shown(kind)}. "
            "Save the model in float32 or float16."
        )
    dtype = _TYPES[kind]
    if not all(type(side) is int and side >= 0 for side in shape) or not is_possible(shape):
        raise _damaged(f"{shown(name)} of an impossible shape")
    if not 0 <= start <= end <= len(view) or end - start != prod(shape) * item_size(dtype):
        raise _damaged(f"{shown(name)} of another size than its shape, or cut short")
    return flat_array(view[start:end], dtype).reshape(shape)


def _damaged(found: str) -> ModelError:
    return ModelError(
        f"expected a whole safetensors file, found {found}. Copy or download it again."
    )
