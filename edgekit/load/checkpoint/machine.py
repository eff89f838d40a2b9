"""A pickle machine that calls nothing.

It keeps the stack, the marks and the memo of Python's own, but where Python's imports a name, it
writes the name down, and where Python's calls, it writes the call down. There is no way from the
file to any function of this process, whatever names the file has.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.load.checkpoint.nodes import Call, Global, Persistent, Pickle
from edgekit.load.checkpoint.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable

# The largest detector met (YOLOv10-S, unfused) has 1 MB, 67,161 steps and 12,726 objects.
MAX_BYTES = 32 << 20
MAX_STEPS = 600_000
MAX_OBJECTS = 150_000
MAX_ITEM = 8 << 20
MAX_TUPLE_KEYS = 1_000
_MAX_KEY_PARTS = 16
_MAX_KEY_TEXT = 1_000  # who names a module by where it is joins many
_MAX_KEY_BITS = 60  # beyond these a file can choose numbers of equal hash
_MAX_NAME = 256

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
    | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
)
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_KEYS = (str, bytes, int, float, type(None), Global, Call)
_SET, _FROZENSET = Global("builtins", "set"), Global("builtins", "frozenset")


def read_pickle(
    data: memoryview, start: int, accept: Callable[[Global], bool], what: str = "its pickle"
) -> Pickle:
    """Return what the pickle at byte ``start`` of ``data`` says.

    Args:
        data: The file, or the part of it that the pickle is in.
        start: Where the pickle begins.
        accept: Whether a call of this name may be written down; any other is refused.
        what: What to call the pickle in messages.

    Raises:
        ModelError: The pickle is damaged, too large, or asks for what is not accepted.
    """
    stream = io.BytesIO(data[start : start + MAX_BYTES])
    machine = Machine(accept, what)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of escapes in damaged text
            for opcode, argument, position in pickletools.genops(stream):
                machine.step(opcode.name, argument, position or 0)
    except (ValueError, OverflowError, LookupError, TypeError) as err:
        cut = len(data) - start > MAX_BYTES and stream.tell() >= MAX_BYTES
        reason = f"is longer than {MAX_BYTES} bytes" if cut else "ends too early or is damaged"
        raise ModelError(
            f"expected a readable pickle, found that {what} {reason} "
            f"(byte {machine.position}). Copy or save the file again."
        ) from err
    return machine.result(start + stream.tell())


class Machine:
    """The state of the machine; ``step`` carries out one opcode."""

    def __init__(self, accept: Callable[[Global], bool], what: str) -> None:
        self.position = 0
        self._accept = accept
        self._what = what
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # one stack for each mark
        self._memo: dict[int, Any] = {}
        self._references: list[Persistent] = []
        self._steps = 0
        self._objects = 0
        self._tuple_keys = 0
        self._handlers = self._table()

    def step(self, opcode: str, argument: Any, position: int) -> None:
        """Carry out the opcode named ``opcode``.

        Raises:
            ModelError: It is refused, or a limit is passed.
            LookupError: The stack or the memo lacks what it needs.
            TypeError: What it needs is of another type.
        """
        self.position = position
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise self._too_much(f"has more than {MAX_STEPS} steps")
        if opcode in _LITERALS:
            self._push_literal(argument)
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode in _TUPLES:
            count = _TUPLES[opcode]
            self._push(tuple(self._pop_many(count)))
        elif opcode in self._handlers:
            self._handlers[opcode](argument)
        else:
            raise self.refusal(f"uses the pickle opcode {opcode}")

    def result(self, end: int) -> Pickle:
        """Return what was read.

        Raises:
            ModelError: Not exactly one object is left.
        """
        if len(self._stack) != 1 or self._below:
            raise ModelError(
                f"expected {self._what} to leave one object, found {len(self._stack)}. "
                "Copy or save the file again."
            )
        return Pickle(self._stack[0], end, tuple(self._references))

    def _table(self) -> dict[str, Callable[[Any], None]]:
        return {
            "MARK": self._mark,
            "POP": self._pop,
            "POP_MARK": self._drop_mark,
            "DUP": self._duplicate,
            "PUT": self._put,
            "BINPUT": self._put,
            "LONG_BINPUT": self._put,
            "MEMOIZE": self._memoize,
            "GET": self._get,
            "BINGET": self._get,
            "LONG_BINGET": self._get,
            "EMPTY_LIST": self._empty_list,
            "EMPTY_DICT": self._empty_dict,
            "EMPTY_SET": self._empty_set,
            "BYTEARRAY8": self._bytearray,
            "LIST": self._list,
            "TUPLE": self._tuple,
            "DICT": self._dict,
            "FROZENSET": self._frozenset,
            "APPEND": self._append,
            "APPENDS": self._appends,
            "ADDITEMS": self._appends,
            "SETITEM": self._setitem,
            "SETITEMS": self._setitems,
            "GLOBAL": self._global,
            "STACK_GLOBAL": self._stack_global,
            "REDUCE": self._reduce,
            "NEWOBJ": self._reduce,
            "NEWOBJ_EX": self._newobj_ex,
            "INST": self._inst,
            "OBJ": self._obj,
            "BUILD": self._build,
            "BINPERSID": self._persistent,
            "PROTO": self._nothing,
            "FRAME": self._nothing,
            "STOP": self._nothing,
        }

    def refusal(self, deed: str) -> ModelError:
        """Return the error for a pickle that does ``deed``."""
        return ModelError(
            f"{self._what} {deed} (byte {self.position}): expected only tensors, plain data and "
            "layers of known detectors. Nothing was run. If you trust the file, save the "
            "model's state_dict() and load that."
        )

    def _too_much(self, found: str) -> ModelError:
        return ModelError(
            f"{self._what} {found}, which no detector needs. Save the model's state_dict() alone."
        )

    def _push_literal(self, value: Any) -> None:
        size = len(value) if isinstance(value, str | bytes) else 0
        if size > MAX_ITEM or (type(value) is int and value.bit_length() > MAX_ITEM):
            raise self._too_much(f"has a text or a number longer than {MAX_ITEM}")
        self._stack.append(value)

    def _push(self, made: Any) -> None:
        """Put an object on the stack that takes memory of its own."""
        self._objects += 1
        if self._objects > MAX_OBJECTS:
            raise self._too_much(f"has more than {MAX_OBJECTS} objects")
        self._stack.append(made)

    def _pop_many(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise LookupError
        items = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return items

    def _pop_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def _mark(self, _: Any) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _pop(self, _: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_mark()

    def _drop_mark(self, _: Any) -> None:
        self._pop_mark()

    def _duplicate(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def _put(self, index: int) -> None:
        if not 0 <= index <= MAX_STEPS:  # picklers count; a file's choice could share one hash
            raise LookupError
        self._memo[index] = self._stack[-1]

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _empty_list(self, _: Any) -> None:
        self._push([])

    def _empty_dict(self, _: Any) -> None:
        self._push({})

    def _empty_set(self, _: Any) -> None:
        self._push(Call(_SET, ()))

    def _bytearray(self, value: bytearray) -> None:
        self._push_literal(bytes(value))

    def _list(self, _: Any) -> None:
        items = self._pop_mark()
        self._push(items)

    def _tuple(self, _: Any) -> None:
        items = self._pop_mark()
        self._push(tuple(items))

    def _dict(self, _: Any) -> None:
        items = self._pop_mark()
        self._push({})
        self._set_items(items)

    def _frozenset(self, _: Any) -> None:
        items = self._pop_mark()
        self._push(Call(_FROZENSET, (items,)))

    def _append(self, _: Any) -> None:
        self._extend(self._pop_many(1))

    def _appends(self, _: Any) -> None:
        self._extend(self._pop_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Call):
            target.items = target.items if target.items is not None else []
            target = target.items
        if not isinstance(target, list):
            raise TypeError
        target.extend(items)

    def _setitem(self, _: Any) -> None:
        self._set_items(self._pop_many(2))

    def _setitems(self, _: Any) -> None:
        self._set_items(self._pop_mark())

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Call):
            target.entries = target.entries if target.entries is not None else {}
            target = target.entries
        if not isinstance(target, dict) or len(items) % 2:
            raise TypeError
        for key, value in zip(items[::2], items[1::2], strict=True):
            self._check_key(key)
            target[key] = value

    def _check_key(self, key: Any) -> None:
        """Refuse keys whose hashing could crash (nested) or take for ever (equal hashes)."""
        parts = key if type(key) is tuple else (key,)
        if len(parts) > _MAX_KEY_PARTS or not all(_is_key(part) for part in parts):
            raise self.refusal(f"has {shown(key)} as a key")
        self._tuple_keys += parts is key
        if self._tuple_keys > MAX_TUPLE_KEYS:
            raise self._too_much(f"has more than {MAX_TUPLE_KEYS} keys that are tuples")

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._push_name(module, name)

    def _stack_global(self, _: Any) -> None:
        module, name = self._pop_many(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError
        self._push_name(module, name)

    def _push_name(self, module: str, name: str) -> None:
        if max(len(module), len(name)) > _MAX_NAME:
            raise self._too_much(f"has a name longer than {_MAX_NAME}")
        self._push(Global(module, name))

    def _reduce(self, _: Any) -> None:
        target, args = self._pop_many(2)
        self._write_call(target, args)

    def _newobj_ex(self, _: Any) -> None:
        target, args, named = self._pop_many(3)
        if named:
            raise self.refusal("calls something with named arguments")
        self._write_call(target, args)

    def _inst(self, argument: str) -> None:
        args = tuple(self._pop_mark())
        self._global(argument)
        self._write_call(self._stack.pop(), args)

    def _obj(self, _: Any) -> None:
        target, *args = self._pop_mark()
        self._write_call(target, tuple(args))

    def _write_call(self, target: Any, args: Any) -> None:
        if isinstance(target, Persistent):  # a class as the oldest format refers to it
            target = target.identity[1] if _is_module(target.identity) else target
        if not isinstance(target, Global):
            raise self.refusal(f"calls {_result_of(target)}")
        if not self._accept(target):
            raise self.refusal(f"calls {shown(target.full_name)}")
        if not isinstance(args, tuple):
            raise TypeError
        self._push(Call(target, args))

    def _build(self, _: Any) -> None:
        (state,) = self._pop_many(1)
        target = self._stack[-1]
        if not isinstance(target, Call):
            raise self.refusal(f"sets the state of {_result_of(target)}")
        target.state = state

    def _persistent(self, _: Any) -> None:
        reference = Persistent(*self._pop_many(1))
        kind = reference.identity[0] if isinstance(reference.identity, tuple) else None
        if kind not in ("storage", "module"):
            raise self.refusal("refers to something outside of an unknown kind")
        self._references.append(reference)
        self._push(reference)

    def _nothing(self, _: Any) -> None:
        pass


def _is_key(part: Any) -> bool:
    if isinstance(part, str):
        return len(part) <= _MAX_KEY_TEXT
    small = type(part) is not int or part.bit_length() <= _MAX_KEY_BITS
    return isinstance(part, _KEYS) and small


def _is_module(identity: Any) -> bool:
    return isinstance(identity, tuple) and len(identity) == 4 and identity[0] == "module"


def _result_of(target: Any) -> str:
    if isinstance(target, Call):
        return f"what {shown(target.target.full_name)} returns"
    return shown(target.full_name) if isinstance(target, Global) else shown(target)
