"""NumPy's arrays and scalars from what their pickles say."""

from __future__ import annotations

import re
import sys
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.errors import ModelError
from edgekit.load.checkpoint.shown import shown
from edgekit.load.checkpoint.tensors import is_possible
from edgekit.load.checkpoint.values import Instance

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CODE = re.compile(r"[<>=|]?[biufcSU]\d{1,4}")  # numbers and text; no objects, no records


def scalar(dtype: Any, raw: Any) -> Any:
    """Return the Python number (or text) of a NumPy scalar.

    Raises:
        ModelError: It is of a type that holds objects.
        TypeError: It is malformed.
    """
    return _array(raw, _dtype(dtype), (1,), "C")[0].item()


def array_of_state(state: Any) -> NDArray[Any]:
    """Return the array whose ``__setstate__`` would be called with ``state``.

    Raises:
        ModelError: It holds objects.
        TypeError: It is malformed.
    """
    *_, shape, dtype, is_fortran, raw = _tuple(state, 4)
    return _array(raw, _dtype(dtype), shape, "F" if is_fortran is True else "C")


def array_of_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    """Return the array that pickle protocol 5 keeps as bytes.

    Raises:
        ModelError: It holds objects.
        TypeError: It is malformed.
    """
    return _array(raw, _dtype(dtype), shape, "F" if order == "F" else "C")


def _array(raw: Any, dtype: np.dtype[Any], shape: Any, order: Any) -> NDArray[Any]:
    data = raw.encode("latin1") if isinstance(raw, str) else raw  # Python 2 wrote text
    sides = _tuple(shape, 0)
    if not isinstance(data, bytes) or not all(type(s) is int and s >= 0 for s in sides):
        raise TypeError
    if not is_possible(sides) or prod(sides) * dtype.itemsize != len(data):
        raise TypeError
    flat = np.frombuffer(data, dtype)
    if dtype.kind == "U" and (flat.view(f"{dtype.str[0]}u4") > sys.maxunicode).any():
        raise TypeError  # NumPy fails on such text only later, and then badly
    array = flat.reshape(sides, order=order)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _dtype(value: Any) -> np.dtype[Any]:
    """Return the type that an ``Instance`` of ``numpy.dtype`` describes."""
    code = value.args[0] if isinstance(value, Instance) and value.args else None
    if not isinstance(code, str):
        raise TypeError
    if not _CODE.fullmatch(code):
        raise ModelError(
            f"expected arrays of numbers or text, found one of NumPy's type {shown(code)}. "
            "Save the model's state_dict() alone."
        )
    dtype = np.dtype(code)
    state = value.state.get("__state__")
    if isinstance(state, tuple) and ">" in state[1:2]:
        dtype = dtype.newbyteorder(">")
    return dtype


def _tuple(value: Any, least: int) -> tuple[Any, ...]:
    if not isinstance(value, tuple) or len(value) < least:
        raise TypeError
    return value
