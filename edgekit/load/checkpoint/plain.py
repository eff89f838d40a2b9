"""Calls of a pickle that stand for plain data, and the data each stands for.

These functions are ours; the names are only how a file asks for them. All arguments are plain
values already. A ``TypeError`` or ``ValueError`` from here means that the call is malformed.
"""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from edgekit.load.checkpoint.arrays import array_of_buffer, array_of_state, scalar
from edgekit.load.checkpoint.tensors import rebuild_parameter, rebuild_tensor, rebuild_typed_tensor
from edgekit.load.checkpoint.values import Instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgekit.load.checkpoint.nodes import Call

_TENSORS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": rebuild_typed_tensor,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": rebuild_parameter,
    "torch._utils._rebuild_device_tensor_from_numpy": rebuild_parameter,
    "torch._utils._rebuild_xla_tensor": rebuild_parameter,
    "torch.nn.parameter.Parameter": rebuild_parameter,
}


def _tensor(call: Call) -> Any:
    return _TENSORS[call.target.full_name](*call.args)


def _tensor_of_type(call: Call) -> Any:
    """Return the array of a tensor's subclass, whatever the subclass adds."""
    function, _, args, *_ = call.args
    name = function.class_name if isinstance(function, Instance) else ""
    if name not in _TENSORS or not isinstance(args, tuple):
        raise TypeError
    return _TENSORS[name](*args)


def _dict(call: Call) -> dict[Any, Any]:
    """Return a dict; from Python 2 it comes as a list of pairs, from a counter as a dict."""
    first = call.args[0] if call.args else ()
    if first is None or isinstance(first, Instance):  # the factory of a default dict
        first = ()
    if isinstance(first, list | tuple) and all(map(_is_pair, first)):
        first = dict(first)
    if not isinstance(first, dict):
        raise TypeError
    return first | (call.entries or {})


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and type(value[0]) is str


def _list(call: Call) -> list[Any]:
    first = call.args[0] if call.args else ()
    if not isinstance(first, list | tuple):
        raise TypeError
    return [*first, *(call.items or ())]


def _tuple(call: Call) -> tuple[Any, ...]:
    return tuple(_list(call))


def _bytes(call: Call) -> bytes:
    """Return bytes; protocol 2 has no opcode for them and writes them as Latin-1 text."""
    match call.args:
        case ():
            return b""
        case (bytes(data),):
            return data
        case (str(text), "latin1" | "latin-1"):
            return text.encode("latin1")
    raise TypeError


def _text(call: Call) -> str:
    """Return the text of a subclass of ``str``."""
    match call.args:
        case (str(text),):
            return text
    raise TypeError


def _attribute(call: Call) -> Instance:
    """Return the name of a function that belongs to a class; it is not looked up."""
    match call.args:
        case (Instance() as owner, str(name)) if not (owner.state or owner.args):
            return Instance(f"{owner.class_name}.{name}", {})
    raise TypeError


def _complex(call: Call) -> complex:
    if not all(type(part) in (int, float) for part in call.args):
        raise TypeError
    return complex(*call.args)


def _device(call: Call) -> str:
    """Return a device as torch prints it, such as ``cuda:0``."""
    match call.args:
        case (str(name),):
            return name
        case (str(name), int(index)):
            return f"{name}:{index:d}"
    raise TypeError


def _posix_path(call: Call) -> str:
    return str(PurePosixPath(*call.args))


def _windows_path(call: Call) -> str:
    return str(PureWindowsPath(*call.args))


def _scalar(call: Call) -> Any:
    return scalar(*call.args)


def _array(call: Call) -> Any:
    return array_of_state(call.state)


def _buffer(call: Call) -> Any:
    return array_of_buffer(*call.args)


PLAIN: dict[str, Callable[[Call], Any]] = {
    **dict.fromkeys(_TENSORS, _tensor),
    "torch._tensor._rebuild_from_type": _tensor_of_type,
    "torch._tensor._rebuild_from_type_v2": _tensor_of_type,
    "torch.Size": _tuple,
    "torch.device": _device,
    "torch.torch_version.TorchVersion": _text,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": _dict,
    "collections.Counter": _dict,
    "collections.deque": _list,
    # a set's members would have to be hashed, which a file can make endless
    "builtins.set": _list,
    "builtins.frozenset": _list,
    "builtins.bytearray": _bytes,
    "builtins.bytes": _bytes,
    "builtins.complex": _complex,
    "builtins.getattr": _attribute,
    "_codecs.encode": _bytes,
    "pathlib.PosixPath": _posix_path,
    "pathlib.PurePosixPath": _posix_path,
    "pathlib.WindowsPath": _windows_path,
    "pathlib.PureWindowsPath": _windows_path,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.multiarray._reconstruct": _array,
    "numpy.core.numeric._frombuffer": _buffer,
}
