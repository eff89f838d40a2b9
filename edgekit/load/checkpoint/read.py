"""A user's checkpoint as data, whatever it would do if it were unpickled."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.load.checkpoint.finite import refuse_nan
from edgekit.load.checkpoint.legacy import read_legacy
from edgekit.load.checkpoint.mapped import map_file
from edgekit.load.checkpoint.safetensors import read_tensors
from edgekit.load.checkpoint.torch_zip import read_torch_zip
from edgekit.load.checkpoint.values import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap
    from pathlib import Path


def read_checkpoint(path: Path) -> Checkpoint:
    """Return what the PyTorch checkpoint at ``path`` holds.

    Nothing in the file is run and nothing it names is imported. Tensors become arrays of the
    same shape and type (bfloat16 becomes float32), parameters too.

    Raises:
        ModelError: It is damaged, of another kind, has NaN weights, or asks for anything but
            tensors, plain data and objects of the packages in ``namespaces.PACKAGES``.
    """
    return _read(path, _torch)


def read_safetensors(path: Path) -> Checkpoint:
    """Return the safetensors file at ``path``; its content is a dict of arrays by name.

    Raises:
        ModelError: It is damaged, of another kind, or has NaN weights.
    """
    return _read(path, read_tensors)


def _torch(data: mmap) -> Any:
    return read_torch_zip(data) if data[:4] == b"PK\x03\x04" else read_legacy(data)


def _read(path: Path, read: Callable[[mmap], Any]) -> Checkpoint:
    try:
        data = map_file(path)
        content = read(data)
        refuse_nan(content)
    except ModelError as err:
        raise ModelError(f"Cannot load '{path}': {err}") from err
    return Checkpoint(path, hashlib.sha256(data).hexdigest(), content)
