"""What loading has to say of any checkpoint, whichever way its network is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray


def notes_of_precision(arrays: Iterable[NDArray[Any]]) -> tuple[str, ...]:
    """Return a sentence where one of ``arrays`` was stored as float16 or bfloat16.

    NumPy has no bfloat16: reading makes it float32, and says so in the metadata of the type.
    """
    kinds = {_stored_as(array.dtype) for array in arrays}
    notes = []
    if "float16" in kinds:
        notes.append("Half-precision weights are computed in float32.")
    if "bfloat16" in kinds:
        notes.append("bfloat16 weights are computed in float32.")
    return tuple(notes)


def notes_of_names(names: tuple[str, ...], classes: int) -> tuple[str, ...]:
    """Return a sentence where there are ``names`` and not as many as ``classes`` of the head."""
    if len(names) in {0, classes}:
        return ()
    counts = f"it has {len(names)}, and the head tells {classes} classes apart"
    return (f"The class names of the file are left out: {counts}.",)


def _stored_as(dtype: np.dtype[Any]) -> str:
    said: Mapping[str, Any] = dtype.metadata or {}
    return str(said.get("stored", dtype.name))
