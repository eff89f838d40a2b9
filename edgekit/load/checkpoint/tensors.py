"""What torch's own functions for rebuilding tensors would return, as NumPy views."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.errors import ModelError
from edgekit.load.checkpoint.shown import shown
from edgekit.load.checkpoint.values import Instance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MAX_DIMS = 32
_MAX_NUMEL = 1 << 48
_DTYPES = {f"torch.uint{bits}": f"u{bits // 8}" for bits in (8, 16, 32, 64)}


def rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> NDArray[Any]:
    """Return a view of ``storage``; what else torch keeps (gradients, hooks) is left out.

    Args:
        storage: Flat array.
        offset: First element.
        shape: Elements along each axis.
        strides: Steps between them, in elements.

    Raises:
        ModelError: The view leaves the storage.
        TypeError: An argument is of another type.
    """
    if not isinstance(storage, np.ndarray) or storage.ndim != 1:
        raise TypeError
    shape, strides = _whole(shape), _whole(strides)
    (offset,) = _whole((offset,))
    if len(shape) != len(strides):
        raise TypeError
    if not is_possible(shape):
        raise _outside(shape, storage)
    if 0 in shape:
        return _read_only(np.empty(shape, storage.dtype))
    last = offset + sum((side - 1) * step for side, step in zip(shape, strides, strict=True))
    if last >= len(storage):
        raise _outside(shape, storage)
    size = storage.itemsize
    steps = [step * size for step in strides]
    return np.ndarray(shape, storage.dtype, storage, offset * size, steps)


def rebuild_typed_tensor(storage: Any, *args: Any) -> NDArray[Any]:
    """Return a view of untyped ``storage`` as the type that is the sixth of ``args``.

    Raises:
        ModelError: That type is not read, or the view leaves the storage.
    """
    dtype = args[5]
    name = dtype.class_name if isinstance(dtype, Instance) else ""
    if name not in _DTYPES:
        raise ModelError(
            f"expected tensors of a type NumPy has, found one of {shown(name)}. "
            "Save the model in float32 or float16."
        )
    if not isinstance(storage, np.ndarray) or storage.dtype != np.uint8:
        raise TypeError
    return rebuild_tensor(storage.view(_DTYPES[name]), *args[:3])


def rebuild_parameter(data: Any, *_: Any) -> NDArray[Any]:
    """Return the array of a parameter."""
    if not isinstance(data, np.ndarray):
        raise TypeError
    return data


def is_possible(shape: Sequence[int]) -> bool:
    """Return whether NumPy can have an array of ``shape``, also where a side is 0."""
    return len(shape) <= _MAX_DIMS and prod(max(side, 1) for side in shape) <= _MAX_NUMEL


def _whole(numbers: Any) -> tuple[int, ...]:
    if not isinstance(numbers, tuple | list) or len(numbers) > _MAX_DIMS:
        raise TypeError
    if not all(type(number) is int and 0 <= number <= _MAX_NUMEL for number in numbers):
        raise TypeError
    return tuple(numbers)


def _outside(shape: Sequence[int], storage: NDArray[Any]) -> ModelError:
    return ModelError(
        f"expected tensors inside their storages, found one of shape {tuple(shape)} in a "
        f"storage of {len(storage)} elements. Copy or save the file again."
    )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
