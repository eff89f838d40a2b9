"""Every error edgekit raises on purpose, and the exit code each one ends the command with.

EdgekitError                 4  a stage failed
├── ConfigError              2  bad input or configuration
│   ├── UnknownNameError     2  a name that is not among the known ones
│   ├── ModelError           2  a model file that cannot be used, and why
│   │   └── UnknownClassError  2  it names a class edgekit has no module for
│   ├── HeadError            2  the detection head is ambiguous or not supported
│   └── DataError            2  images or labels that cannot be used
├── MissingError             3  a needed package, driver or device is not here
│   └── MissingExtraError    3  an optional package is not installed
└── StageError               4  a stage of the conversion failed
    └── ParityError          4  a rewrite changed what the model computes

A message has four parts: what, where (node, file, key), expected against found, what to do next.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class EdgekitError(Exception):
    """Base of every error raised on purpose; ``exit_code`` is what the command line returns."""

    exit_code: ClassVar[int] = 4


class ConfigError(EdgekitError):
    """Bad input or configuration: something the user can change."""

    exit_code: ClassVar[int] = 2


class UnknownNameError(ConfigError):
    """A name that is not among the known ones; the message offers the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(names)}."
        super().__init__(f"Unknown {kind} '{name}'. {hint}")


class ModelError(ConfigError):
    """A model file that cannot be read or is not what edgekit converts."""


class UnknownClassError(ModelError):
    """A network or a block in it is of a class edgekit has no module for.

    Its weights, by their names and shapes, may still be those of a network edgekit knows.
    """


class HeadError(ConfigError):
    """The detection head is ambiguous or of a kind edgekit does not convert."""


class DataError(ConfigError):
    """Images or labels that cannot be used."""


class MissingError(EdgekitError):
    """A needed package, driver or device is not here."""

    exit_code: ClassVar[int] = 3


class MissingExtraError(MissingError):
    """An optional package is not installed."""


class StageError(EdgekitError):
    """A stage of the conversion failed."""


class ParityError(StageError):
    """A rewrite changed what the model computes."""
