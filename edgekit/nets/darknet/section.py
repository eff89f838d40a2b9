"""One section of a Darknet configuration, its options held to what a layer can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 65536  # channels, pixels: real networks stay far below, memory does not


class ReadSection(Protocol):
    """What stands below one ``[kind]``; a method raises ``ModelError`` for what it cannot read."""

    @property
    def kind(self) -> str:
        """Return ``convolutional``, ``route``, ..."""

    @property
    def options(self) -> Mapping[str, str]:
        """Return text by name."""

    @property
    def where(self) -> str:
        """Return the file and the place in it, for messages."""

    def whole(self, key: str, default: int) -> int:
        """Return a whole number."""

    def number(self, key: str, default: float) -> float:
        """Return a number."""

    def wholes(self, key: str) -> tuple[int, ...]:
        """Return a list of whole numbers."""

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a list of numbers."""


@dataclass(frozen=True)
class DarknetSection:
    """A section and the place of its layer in the network, from 0; -1 for ``[net]``."""

    read: ReadSection
    place: int

    @property
    def kind(self) -> str:
        """The kind of layer."""
        return self.read.kind

    def error(self, expected: str, found: str) -> ModelError:
        """Return the refusal of this section; the caller raises it."""
        return ModelError(
            f"{self.read.where}, layer {self.place}: expected {expected}, found {found}. Convert "
            "the network to ONNX with another tool, and give edgekit that file."
        )

    def text(self, name: str, default: str) -> str:
        """Return the option as it stands."""
        return self.read.options.get(name, default)

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """Return the whole number ``name``.

        Raises:
            ModelError: It is none, below ``least``, or larger than in any network.
        """
        value = self.read.whole(name, default)
        if not least <= value <= _MOST:
            raise self.error(f"'{name}' of {least} to {_MOST}", f"{value}")
        return value

    def number(self, name: str, default: float) -> float:
        """Return the number ``name``.

        Raises:
            ModelError: It is none.
        """
        return self.read.number(name, default)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the list of numbers ``name``.

        Raises:
            ModelError: There is none, or one of them is no number.
        """
        return self.read.numbers(name)

    def wholes(self, name: str) -> tuple[int, ...]:
        """Return the list of whole numbers ``name``.

        Raises:
            ModelError: There is none, or one of them is no whole number.
        """
        return self.read.wholes(name)

    def refuse(self, *names: str) -> None:
        """Refuse any of the options ``names`` that is not 0.

        Raises:
            ModelError: One is set.
        """
        for name in names:
            if self.number(name, 0) != 0:
                raise self.error(f"no '{name}'", self.text(name, ""))
