"""Darknet's two files as plain data: the ``.cfg`` that describes a network, and its weights.

Source:
    Darknet, ``src/parser.c`` (``read_cfg``, ``load_weights_upto``) and ``src/option_list.c``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from edgekit.errors import ModelError
from edgekit.load.checkpoint.mapped import map_file, no_checkpoint
from edgekit.load.checkpoint.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from mmap import mmap
    from pathlib import Path

    from numpy.typing import NDArray

_MAX_TEXT = 1 << 20  # YOLOv4's has 12 KB
_LARGEST = 1e15  # far beyond any option, and no NaN is below it
_VERSION = struct.Struct("<3i")
_TRANSPOSED = 1000  # larger numbers mark files whose matrices are transposed
_NEWEST = 2 * _TRANSPOSED
# the short names Darknet also takes
_KINDS = {
    "network": "net",
    "conv": "convolutional",
    "deconv": "deconvolutional",
    "conn": "connected",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
}
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class Section:
    """One section of a ``.cfg``: the network itself or one layer.

    Attributes:
        kind: Its name, such as ``convolutional``; short names are written out.
        options: Text by key, blanks left out.
        where: File, name and line, for messages.
    """

    kind: str
    options: Mapping[str, str]
    where: str

    def text(self, key: str, default: str | None = None) -> str:
        """Return the option ``key``, else ``default``.

        Raises:
            ModelError: Neither is there.
        """
        found = self.options.get(key, default)
        if found is None:
            raise ModelError(
                f"{self.where}: expected the option '{key}', found none. Add it to the section."
            )
        return found

    def whole(self, key: str, default: int | None = None) -> int:
        """Return the whole number ``key``, else ``default``.

        Raises:
            ModelError: It is missing, or no whole number.
        """
        return self._read(key, None if default is None else (default,), int)[0]

    def number(self, key: str, default: float | None = None) -> float:
        """Return the number ``key``, else ``default``.

        Raises:
            ModelError: It is missing, or no number.
        """
        return self._read(key, None if default is None else (default,), float)[0]

    def wholes(self, key: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Return the whole numbers ``key``, which commas separate, else ``default``.

        Raises:
            ModelError: It is missing, empty, or one is no whole number.
        """
        return self._read(key, default, int, several=True)

    def numbers(self, key: str, default: tuple[float, ...] | None = None) -> tuple[float, ...]:
        """Return the numbers ``key``, which commas separate, else ``default``.

        Raises:
            ModelError: It is missing, empty, or one is no number.
        """
        return self._read(key, default, float, several=True)

    def _read(
        self,
        key: str,
        default: tuple[_Number, ...] | None,
        read: Callable[[str], _Number],
        *,
        several: bool = False,
    ) -> tuple[_Number, ...]:
        if key not in self.options and default is not None:
            return default
        found = self.text(key)
        parts = found.removesuffix(",").split(",")
        try:
            numbers = tuple(map(read, parts))
        except ValueError:
            numbers = ()
        usable = all(abs(number) <= _LARGEST for number in numbers)
        if not numbers or not usable or (len(numbers) > 1 and not several):
            kind = "whole numbers" if read is int else "numbers"
            raise ModelError(
                f"{self.where}: expected {kind if several else f'one of the {kind}'} for '{key}', "
                f"found {shown(found)}. Correct the line."
            )
        return numbers


@dataclass(frozen=True, eq=False)
class DarknetModel:
    """A network as Darknet keeps it.

    Attributes:
        sections: The network's own first, then every layer in order.
        weights: ``(count,)``, float32, all layers one after the other; read-only.
        seen: Images it was trained on.
        transposed: Whether the matrices of connected layers have their inputs first.
    """

    sections: tuple[Section, ...]
    weights: NDArray[np.float32]
    seen: int
    transposed: bool = False


def read_darknet(cfg_path: Path, weights_path: Path) -> DarknetModel:
    """Return the network that ``cfg_path`` describes and the numbers of ``weights_path``.

    Whether they fit together is for the builder of the network to say.

    Raises:
        ModelError: A file is missing, damaged, or of another kind.
    """
    try:
        sections = _sections(map_file(cfg_path), cfg_path)
    except ModelError as err:
        raise _in_file(cfg_path, err) from err
    try:
        return _weights(map_file(weights_path), sections)
    except ModelError as err:
        raise _in_file(weights_path, err) from err


def _in_file(path: Path, err: ModelError) -> ModelError:
    return ModelError(f"Cannot load '{path}': {err}")


def _sections(data: mmap, path: Path) -> tuple[Section, ...]:
    if len(data) > _MAX_TEXT or b"\0" in data[:]:
        raise no_checkpoint(data, "a Darknet .cfg, which is text")
    found: list[tuple[Section, dict[str, str]]] = []
    for number, raw in enumerate(data[:].decode(errors="replace").splitlines(), 1):
        # As Darknet does: blanks nowhere count. It has no comments behind a value, people do.
        line = "".join(raw.split()).partition("#")[0].partition(";")[0]
        if line.startswith("["):
            kind = line.removeprefix("[").removesuffix("]")
            options: dict[str, str] = {}
            where = f"Cannot load '{path}': [{kind[:40]}] at line {number}"
            found.append((Section(_KINDS.get(kind, kind), options, where), options))
        elif line:
            key, equals, value = line.partition("=")
            if not equals or not found:
                raise _no_line(number, raw)
            found[-1][1].setdefault(key, value)  # of two, Darknet takes the first
    if not found or found[0][0].kind != "net":
        raise ModelError(
            "expected the section [net] first, found "
            f"{shown(found[0][0].kind) if found else 'no section'}. Name the network's .cfg."
        )
    return tuple(section for section, _ in found)


def _no_line(number: int, raw: str) -> ModelError:
    return ModelError(
        f"expected 'key=value' in a [section] at line {number}, found {shown(raw.strip())}. "
        "Name the network's .cfg, or correct the line."
    )


def _weights(data: mmap, sections: tuple[Section, ...]) -> DarknetModel:
    """Return the network of ``sections`` with the numbers in ``data``."""
    if len(data) < _VERSION.size + 4:
        raise no_checkpoint(data, "a Darknet .weights file")
    major, minor, _ = _VERSION.unpack_from(data)
    if not (0 <= major <= _NEWEST and 0 <= minor <= _NEWEST):
        raise no_checkpoint(data, "a Darknet .weights file")
    transposed = max(major, minor) > _TRANSPOSED
    # Darknet counts in 8 bytes from version 0.2 on, but for the files marked so.
    long = major * 10 + minor >= 2 and max(major, minor) < _TRANSPOSED
    start = _VERSION.size + (8 if long else 4)
    count, rest = divmod(len(data) - start, 4)
    if count < 1 or rest:
        raise ModelError(
            f"expected whole float32 numbers behind a header of {start} bytes, found "
            f"{len(data)} bytes in all. Copy or download the file again."
        )
    weights = np.frombuffer(data, "<f4", count, start).astype(np.float32, copy=False)
    if np.isnan(weights.min()):
        raise ModelError(
            f"expected weights that are numbers, found {int(np.isnan(weights).sum())} of {count} "
            "that are NaN. The training diverged: use an earlier file."
        )
    seen = int.from_bytes(data[_VERSION.size : start], "little")
    return DarknetModel(sections, weights, seen, transposed)
