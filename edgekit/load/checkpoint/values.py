"""What a checkpoint holds, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class Instance:
    """An object of the file whose class was not run, only named.

    Attributes:
        class_name: Full dotted name as stored, such as ``ultralytics.nn.modules.block.C2f``.
        state: What the pickle would have handed to ``__setstate__`` or put in ``__dict__``; empty
            if none. Entries of a dict's subclass are among it; a state that is no dict is under
            ``__state__``, items of a list's subclass are under ``__items__``.
        args: What the pickle would have handed to the constructor.
    """

    class_name: str
    state: Mapping[str, Any]
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A file that was read.

    Attributes:
        path: Where it was.
        sha256: Hash of its bytes.
        content: Dicts, lists, tuples, sets, text, bytes, numbers, ``None``, arrays for tensors,
            and ``Instance``. Arrays are read-only and may be views of the mapped file.
    """

    path: Path
    sha256: str
    content: Any
