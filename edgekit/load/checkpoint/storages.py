"""Bytes of a checkpoint as flat arrays: the types torch stores, in either byte order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from edgekit.errors import ModelError
from edgekit.load.checkpoint.nodes import Global, Persistent
from edgekit.load.checkpoint.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

BFLOAT16 = "bfloat16"
# Views keep the metadata, which is all that tells these from float32.
_WIDENED = np.dtype(np.float32, metadata={"stored": BFLOAT16})
Order = Literal["<", ">"]
_TYPES = {
    "HalfStorage": "f2",
    "BFloat16Storage": BFLOAT16,
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "ShortStorage": "i2",
    "IntStorage": "i4",
    "LongStorage": "i8",
    "BoolStorage": "?",
    "ComplexFloatStorage": "c8",
    "ComplexDoubleStorage": "c16",
    "UntypedStorage": "u1",
}
_MAX_KEY = 64
_MODULES = frozenset({"torch", "torch.cuda", "torch.storage"})


@dataclass(frozen=True)
class StorageId:
    """What a reference says about a storage.

    Attributes:
        key: Its name in the file.
        dtype: NumPy's code of its type without byte order, or ``bfloat16``.
        numel: Its declared number of elements.
        part: First element and number of elements where only a part is meant.
    """

    key: str
    dtype: str
    numel: int
    part: tuple[int, int] | None = None

    @property
    def nbytes(self) -> int:
        """Return the declared size in bytes."""
        return self.numel * item_size(self.dtype)


def item_size(dtype: str) -> int:
    """Return the bytes of one element of ``dtype`` in the file."""
    return 2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize


def storage_id(reference: Persistent) -> StorageId:
    """Return what ``reference`` says.

    Raises:
        ModelError: It is malformed, or of a type that is not read (quantized, float8).
    """
    identity = reference.identity
    if not isinstance(identity, tuple) or len(identity) not in (5, 6):
        raise _malformed()
    _, kind, key, _, numel, *view = identity
    if not isinstance(kind, Global) or kind.module not in _MODULES or kind.name not in _TYPES:
        name = shown(kind.full_name) if isinstance(kind, Global) else shown(kind)
        raise ModelError(
            f"expected storages of {', '.join(sorted(_TYPES))}, found {name}. "
            "Save the model in float32 or float16."
        )
    part = _part(view[0]) if view and view[0] is not None else None
    if not isinstance(key, str) or len(key) > _MAX_KEY:
        raise _malformed()
    if type(numel) is not int or not 0 <= numel < 1 << 48:
        raise _malformed()
    return StorageId(key, _TYPES[kind.name], numel, part)


def _part(view: Any) -> tuple[int, int]:
    match view:
        case (_, int(offset), int(numel)) if offset >= 0 and numel >= 0:
            return offset, numel
    raise _malformed()


def _malformed() -> ModelError:
    return ModelError(
        "expected storages named by type, key, place and size, found another reference. "
        "Copy or save the file again."
    )


class Storages:
    """Flat read-only arrays of a file, each made once.

    Args:
        find: Returns the bytes of a storage, as many as it declares, or refuses.
        order: ``<`` or ``>``, how the file's bytes are ordered.
    """

    def __init__(self, find: Callable[[StorageId], memoryview], order: Order = "<") -> None:
        self._find = find
        self._order = order
        self._made: dict[tuple[str, str], NDArray[Any]] = {}

    def load(self, reference: Persistent) -> NDArray[Any]:
        """Return the array ``reference`` stands for, ``(numel,)``.

        Raises:
            ModelError: It is malformed, not in the file, or of another size there.
        """
        wanted = storage_id(reference)
        raw = self._find(wanted)
        key = (wanted.key, wanted.dtype)
        if key not in self._made:
            self._made[key] = flat_array(raw, wanted.dtype, self._order)
        if wanted.part is None:
            return self._made[key]
        first, numel = wanted.part
        if first + numel > wanted.numel:
            raise _malformed()
        return self._made[key][first : first + numel]


def flat_array(raw: memoryview, dtype: str, order: Order = "<") -> NDArray[Any]:
    """Return ``raw`` as a read-only array; without a copy where the bytes allow it.

    bfloat16 becomes float32, whose type says ``{"stored": "bfloat16"}`` in its metadata.
    """
    if dtype == BFLOAT16:
        high = np.frombuffer(raw, f"{order}u2").astype(np.uint32)
        array = (high << 16).view(_WIDENED)
    elif dtype == "?":
        array = np.frombuffer(raw, np.uint8) != 0
    else:
        array = np.frombuffer(raw, np.dtype(dtype).newbyteorder(order))
        array = array.astype(dtype, copy=not array.flags.aligned)
    array.flags.writeable = False
    return array
