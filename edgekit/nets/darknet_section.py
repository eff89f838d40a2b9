"""One section of a Darknet configuration, its options read as what they have to be."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 65536  # channels, pixels: real networks stay far below, memory does not


@dataclass(frozen=True)
class DarknetSection:
    """What stands below one ``[kind]``.

    Attributes:
        kind: ``convolutional``, ``route``, ...
        options: As text, by name.
        place: Of the layer in the network, from 0; -1 for ``[net]``.
        file: Where it stands, for messages.
    """

    kind: str
    options: Mapping[str, str]
    place: int
    file: str

    def error(self, expected: str, found: str) -> ModelError:
        """Return the refusal of this section; the caller raises it."""
        return ModelError(
            f"Cannot load '{self.file}': layer {self.place} [{self.kind}]: expected {expected}, "
            f"found {found}. Convert the network to ONNX with another tool, and give edgekit that "
            "file."
        )

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """Return the whole number ``name``, at least ``least``.

        Raises:
            ModelError: It is no such number.
        """
        text = self.options.get(name, str(default))
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= _MOST:
            raise self.error(f"'{name}' of {least} to {_MOST}", repr(text))
        return value

    def number(self, name: str, default: float) -> float:
        """Return the number ``name``.

        Raises:
            ModelError: It is none, or not finite.
        """
        return self._number(name, self.options.get(name, str(default)))

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the list of numbers ``name``, which may not be empty.

        Raises:
            ModelError: There is none, or one of them is no number.
        """
        parts = [part for part in self.options.get(name, "").split(",") if part.strip()]
        if not parts:
            raise self.error(f"numbers in '{name}'", "none")
        return tuple(self._number(name, part) for part in parts)

    def wholes(self, name: str) -> tuple[int, ...]:
        """Return the list of whole numbers ``name``.

        Raises:
            ModelError: There is none, or one of them is no whole number.
        """
        numbers = self.numbers(name)
        if any(number != int(number) for number in numbers):
            raise self.error(f"whole numbers in '{name}'", repr(self.options[name]))
        return tuple(map(int, numbers))

    def refuse(self, *names: str) -> None:
        """Refuse any of the options ``names`` that is not 0.

        Raises:
            ModelError: One is set.
        """
        for name in names:
            if self.number(name, 0) != 0:
                raise self.error(f"no '{name}'", self.options[name])

    def _number(self, name: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not isfinite(value):
            raise self.error(f"a number in '{name}'", repr(text.strip()))
        return value
