"""What a pickle says, written down instead of done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False, slots=True)
class Global:
    """A name of the file: a class or a function of some module, not imported."""

    module: str
    name: str

    @property
    def full_name(self) -> str:
        """Return the dotted name."""
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Call:
    """A call the pickle asks for, not made, and what it would do to the result.

    Attributes:
        target: What would be called.
        args: With what.
        state: What would be handed to ``__setstate__``; ``None`` if nothing.
        items: What would be appended or added; made at the first one.
        entries: What would be set by key; made at the first one.
    """

    target: Global
    args: Any
    state: Any = None
    items: list[Any] | None = None
    entries: dict[Any, Any] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Persistent:
    """A reference to something kept outside the pickle, as it is written there."""

    identity: Any


@dataclass(frozen=True, eq=False)
class Pickle:
    """One pickle as read.

    Attributes:
        root: Its one object: plain values, ``Global``, ``Call`` and ``Persistent``.
        end: First byte after it.
        references: Every reference to the outside, in order.
    """

    root: Any
    end: int
    references: tuple[Persistent, ...] = field(default=())
