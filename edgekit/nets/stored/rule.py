"""How a module is put together from the modules stored inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgekit.nets.stored.module import StoredModule

if TYPE_CHECKING:
    from torch import nn

Attributes = Mapping[str, Callable[[StoredModule, str], Any]]


@dataclass(frozen=True)
class Rule:
    """How a module is put together from the modules stored inside it.

    Attributes:
        make: Takes ``parts``, ``optional`` and ``attributes`` by name.
        parts: Modules that have to be inside.
        optional: Modules that may be missing.
        attributes: What to read, and as what.
    """

    make: Callable[..., nn.Module]
    parts: tuple[str, ...]
    optional: tuple[str, ...] = ()
    attributes: Attributes = field(default_factory=dict)
