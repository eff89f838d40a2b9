"""What a checkpoint says of one module: its class name, its attributes, tensors and children.

Nothing here needs torch, and nothing of the file is ever called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = NDArray[Any]
_DEEPEST = 20


@runtime_checkable
class StoredObject(Protocol):
    """An object of a class that is not here: the class's name and the object's attributes."""

    @property
    def class_name(self) -> str:
        """Return the dotted name the file gives the class."""

    @property
    def state(self) -> Mapping[str, Any]:
        """Return the attributes by name."""


@dataclass(frozen=True, eq=False)
class StoredModule:
    """One module of a network, as the file describes it.

    Attributes:
        value: The object.
        file: Where it comes from, for messages.
        key: Its place in the network as state dictionaries write it, ``model.4.cv1``.
    """

    value: StoredObject
    file: str
    key: str = ""

    @property
    def class_name(self) -> str:
        """The dotted name of the class the module was saved from."""
        return self.value.class_name

    @property
    def where(self) -> str:
        """The module for a message: class, layer of the network and key."""
        parts = self.key.split(".")
        layer = f"layer {parts[1]}, " if len(parts) > 1 and parts[0] == "model" else ""
        return f"'{self.class_name}' ({layer}{self.key or 'the network'})"

    def error(self, expected: str, found: str, kind: type[ModelError] = ModelError) -> ModelError:
        """Return the refusal of this module, of that kind; the caller raises it."""
        return kind(
            f"Cannot load '{self.file}': {self.where}: expected {expected}, found {found}. "
            "If the model was changed or pruned, export it to ONNX and give edgekit that file."
        )

    def key_of(self, name: str) -> str:
        """Return the key of what this module calls ``name``."""
        return f"{self.key}.{name}" if self.key else name

    def children(self) -> dict[str, StoredModule]:
        """Return the modules inside, by name, in the order they were added.

        Raises:
            ModelError: Something inside is no module.
        """
        found: dict[str, StoredModule] = {}
        for name, child in self._part("_modules").items():
            if child is None:
                continue
            if not isinstance(child, StoredObject):
                raise self.error(f"a module '{name}'", type(child).__name__)
            found[str(name)] = StoredModule(child, self.file, self.key_of(str(name)))
        return found

    def child(self, name: str) -> StoredModule:
        """Return the module inside called ``name``.

        Raises:
            ModelError: There is none.
        """
        children = self.children()
        if name not in children:
            raise self.error(f"a module '{name}' inside", _names(children))
        return children[name]

    def arrays(self) -> dict[str, Array]:
        """Return the module's own parameters and buffers by name, as they are stored.

        Raises:
            ModelError: A parameter is no tensor.
        """
        found: dict[str, Array] = {}
        for name, array in {**self._part("_parameters"), **self._part("_buffers")}.items():
            if array is None:
                continue
            if not isinstance(array, np.ndarray):
                raise self.error(f"a tensor '{name}'", type(array).__name__)
            found[str(name)] = array
        return found

    def walk(self) -> Iterator[StoredModule]:
        """Yield this module and every module inside, outermost first.

        Raises:
            ModelError: Modules are nested deeper than any network, as when one holds itself.
        """
        if self.key.count(".") > _DEEPEST:
            raise self.error(f"modules at most {_DEEPEST} deep", "more, or one that holds itself")
        yield self
        for child in self.children().values():
            yield from child.walk()

    def attribute(self, name: str) -> Any:
        """Return the attribute or own tensor called ``name``; ``None`` where there is none."""
        found = self.value.state.get(name)
        return found if found is not None else self.arrays().get(name)

    def whole(self, name: str) -> int:
        """Return the whole number ``name``.

        Raises:
            ModelError: There is none.
        """
        found = self.attribute(name)
        if isinstance(found, bool) or not isinstance(found, int | np.integer):
            raise self.error(f"a whole number '{name}'", _what(found))
        return int(found)

    def number(self, name: str) -> float:
        """Return the finite number ``name``.

        Raises:
            ModelError: There is none.
        """
        found = self.attribute(name)
        real = isinstance(found, int | float | np.number) and not isinstance(found, bool)
        if not real or not np.isfinite(found):
            raise self.error(f"a number '{name}'", _what(found))
        return float(found)

    def flag(self, name: str) -> bool:
        """Return the truth value ``name``.

        Raises:
            ModelError: There is none.
        """
        found = self.attribute(name)
        if not isinstance(found, bool | np.bool_):
            raise self.error(f"True or False for '{name}'", _what(found))
        return bool(found)

    def pair(self, name: str) -> tuple[int, int]:
        """Return ``name`` as height and width; one whole number stands for both.

        Raises:
            ModelError: It is neither.
        """
        found = self.attribute(name)
        sides = [found, found] if isinstance(found, int) else found
        if not isinstance(sides, list | tuple) or len(sides) != 2:
            raise self.error(f"one or two whole numbers '{name}'", _what(found))
        if not all(isinstance(side, int) and not isinstance(side, bool) for side in sides):
            raise self.error(f"whole numbers '{name}'", _what(found))
        return sides[0], sides[1]

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the finite numbers in the list or tensor ``name``.

        Raises:
            ModelError: It is neither.
        """
        found = self.attribute(name)
        if not isinstance(found, np.ndarray | Sequence) or isinstance(found, str):
            raise self.error(f"numbers '{name}'", _what(found))
        flat = np.asarray(found)
        if flat.dtype.kind not in "fiu" or not np.isfinite(flat).all():
            raise self.error(f"numbers '{name}'", _what(found))
        return tuple(float(number) for number in flat.reshape(-1))

    def _part(self, name: str) -> Mapping[str, Any]:
        part = self.value.state.get(name, {})
        if not isinstance(part, Mapping):
            raise self.error(f"names and values in '{name}'", _what(part))
        return part


def _names(of: Mapping[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in of) or "nothing inside"


def _what(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
