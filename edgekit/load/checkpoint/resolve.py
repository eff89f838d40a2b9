"""What a pickle says, turned into plain values: dicts, arrays, instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.errors import ModelError
from edgekit.load.checkpoint.namespaces import modern_name
from edgekit.load.checkpoint.nodes import Call, Global, Persistent
from edgekit.load.checkpoint.plain import PLAIN
from edgekit.load.checkpoint.shown import shown
from edgekit.load.checkpoint.values import Instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MAX_DEPTH = 100
MAX_VALUES = 1_000_000  # the largest detector met has 39,873
MAX_COPIED = 64 << 20
_STATE_PARTS = 16  # the longest state there is, a NumPy type's, has 9
_LEAVES = (str, bytes, int, float, type(None))
_ON_ITS_WAY = object()


class Resolver:
    """Turns nodes into values, each node once, so that what was shared stays shared.

    Args:
        load: Returns the flat array of a storage.
        max_elements: How many elements all tensors together may have; a file can declare many
            more than it has bytes, by strides of 0 and by storages used again and again.
    """

    def __init__(self, load: Callable[[Persistent], NDArray[Any]], max_elements: int) -> None:
        self._load = load
        self._elements = max_elements
        self._copied = MAX_COPIED
        self._values: dict[int, Any] = {}
        self._sizes: dict[int, int] = {}
        self._count = 0

    def resolve(self, node: Any, depth: int = 0) -> Any:
        """Return ``node`` and all below it as plain values.

        Raises:
            ModelError: It contains itself, is too deep or too large, or has a malformed call.
        """
        self._count += 1
        if isinstance(node, _LEAVES):
            return node
        if id(node) in self._values:
            return self._again(node)
        if depth > MAX_DEPTH:
            raise _unusual(f"values nested more than {MAX_DEPTH} deep")
        self._values[id(node)] = _ON_ITS_WAY
        before = self._count
        value = self._make(node, depth + 1)
        self._values[id(node)] = value
        self._sizes[id(node)] = self._count - before
        return value

    def _again(self, node: Any) -> Any:
        """Return the value of a node met before, counted as a reader who follows it would."""
        value = self._values[id(node)]
        if value is _ON_ITS_WAY:
            raise _unusual("a value that contains itself")
        self._count += self._sizes[id(node)]
        if self._count > MAX_VALUES:
            raise _unusual(f"values that unfold to more than {MAX_VALUES}")
        return value

    def _make(self, node: Any, depth: int) -> Any:
        match node:
            case list():
                return [self.resolve(item, depth) for item in node]
            case tuple():
                return tuple([self.resolve(item, depth) for item in node])
            case dict():
                return self._dict(node, depth)
            case Call():
                return self._call(node, depth)
            case Global() | Persistent(identity=("module", *_)):
                return _named(node)
            case _:
                return self._load(node)

    def _dict(self, node: dict[Any, Any], depth: int) -> dict[Any, Any]:
        return {self._key(key, depth): self.resolve(item, depth) for key, item in node.items()}

    def _key(self, node: Any, depth: int) -> Any:
        if type(node) is str:
            return node
        if type(node) is tuple:
            return tuple([self._key(part, depth) for part in node])
        key = self.resolve(node, depth)
        if isinstance(key, np.ndarray):  # an optimizer kept whole is keyed by its parameters
            return Instance("torch.Tensor", {}, (key,))
        if isinstance(key, list | tuple | dict | complex):  # of complex, a file can choose the hash
            raise _unusual("a container or a complex number as a key")
        return key

    def _call(self, node: Call, depth: int) -> Any:
        items = None if node.items is None else [self.resolve(item, depth) for item in node.items]
        entries = None if node.entries is None else self._dict(node.entries, depth)
        args = self.resolve(node.args, depth)
        state = self.resolve(node.state, depth)
        self._charge(args, state)
        made = Call(node.target, args, state, items, entries)
        constructor = PLAIN.get(modern_name(node.target))
        if constructor is None:
            return _instance(made)
        try:
            value = constructor(made)
        except (TypeError, ValueError, OverflowError, LookupError) as err:
            name = shown(node.target.full_name)
            raise ModelError(
                f"expected a call of {name} as torch writes it, found other arguments. "
                "Copy or save the file again."
            ) from err
        if isinstance(value, np.ndarray):
            self._measure(value)
        return value

    def _charge(self, args: tuple[Any, ...], state: Any) -> None:
        """Count what a constructor may copy: a file can hand one long text to many calls.

        Containers need no count of their own, since ``_again`` counts all they hold.
        """
        inner = state[:_STATE_PARTS] if isinstance(state, tuple) else ()
        for value in (args, *args[:_STATE_PARTS], state, *inner):
            if isinstance(value, str | bytes):
                self._copied -= len(value)
        if self._copied < 0:
            raise _unusual(f"calls that copy more than {MAX_COPIED} bytes")

    def _measure(self, array: NDArray[Any]) -> None:
        self._elements -= array.size
        if self._elements < 0:
            raise _unusual("tensors with far more elements than the file has bytes")


def _named(node: Global | Persistent) -> Instance:
    name = node.identity[1] if isinstance(node, Persistent) else node
    if not isinstance(name, Global):
        raise _unusual("a class that is no name")
    return Instance(name.full_name, {})


def _instance(call: Call) -> Instance:
    """Return the object a call of an unknown class would have made, as far as the file says."""
    match call.state:
        case None:
            state = {}
        case dict():
            state = dict(call.state)
        case (dict() | None as attributes, dict() as slots):
            state = (attributes or {}) | slots
        case _:
            state = {"__state__": call.state}
    if call.entries:
        state.update(call.entries)
    if call.items:
        state["__items__"] = call.items
    return Instance(call.target.full_name, state, call.args)


def _unusual(found: str) -> ModelError:
    return ModelError(
        f"expected the tensors and layers of a detector, found {found}. "
        "Save the model's state_dict() alone."
    )
