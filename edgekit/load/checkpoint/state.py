"""The one set of weights by name that a checkpoint is meant to be used with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import ModelError
from edgekit.load.checkpoint.shown import shown
from edgekit.load.checkpoint.values import Instance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edgekit.load.checkpoint.values import Checkpoint

Arrays = dict[str, NDArray[Any]]

_AVERAGED = (
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "ema_model",
    "ema_net",
    "params_ema",
    "ema",
)
_PLAIN = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "params",
    "weights",
    "module",
)
_DEEPEST = 3  # a dict in a dict in a dict, as {"ema": {"module": {...}}}
_DEEPEST_MODULE = 20
_MOST_ENTRIES = 100_000
_MOST_WRAPPERS = 5
_WRAPPERS = ("module.", "_orig_mod.", "model.")
_YOLO_LAYER = re.compile(r"model\.\d")
# Sums that training tools leave among the weights: of averaging, and of thop's profiler.
_COUNTERS = frozenset({"steps", "n_averaged", "total_ops", "total_params"})


@dataclass(frozen=True, eq=False)
class FoundState:
    """Weights by name.

    Attributes:
        arrays: As a ``state_dict`` has them, keys without the names of wrappers.
        notes: What was chosen and left out, one sentence each.
    """

    arrays: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...]


def find_state(checkpoint: Checkpoint) -> FoundState:
    """Return the weights of ``checkpoint``, averaged over the training (EMA) where it has such.

    It may be a bare state dict, hold one under any of the usual names, or hold a whole module,
    whose parameters and persistent buffers are then named as ``state_dict()`` names them.

    Raises:
        ModelError: It holds no weights by name.
    """
    try:
        arrays, notes = _found(checkpoint.content)
    except ModelError as err:
        raise ModelError(f"Cannot load '{checkpoint.path}': {err}") from err
    for step in (_take_average, _drop_copies, _unwrap):
        arrays, note = step(arrays)
        notes += note
    return FoundState(arrays, notes)


def _found(content: Any) -> tuple[Arrays, tuple[str, ...]]:
    found = _find(content, _DEEPEST, set())
    if found is None:
        raise ModelError(
            f"expected weights by name, bare or under one of {', '.join(_PLAIN)}, found "
            f"{_summary(content)}. Save the model's state_dict()."
        )
    return found


def _find(content: Any, deepest: int, seen: set[int]) -> tuple[Arrays, tuple[str, ...]] | None:
    """Return the weights in ``content`` and what was chosen, unless it was looked at before."""
    if id(content) in seen:
        return None
    seen.add(id(content))
    if isinstance(content, Instance) and deepest >= _DEEPEST - 1:
        return _found_module(content)
    if not isinstance(content, dict) or not deepest:
        return None
    plain = [name for name in _PLAIN if content.get(name) is not None]
    averaged = [name for name in _AVERAGED if content.get(name) is not None]
    swapped = _is_swapped(content)
    for name in [*plain, *averaged] if swapped else [*averaged, *plain]:
        found = _find(content[name], deepest - 1, seen)
        if found is None:
            continue
        both = bool(plain) and (swapped or name in averaged)
        note = (f"The averaged (EMA) weights under '{name}' are used.",) if both else ()
        return found[0], (*note, *found[1])
    return _found_bare(content)


def _is_swapped(content: dict[Any, Any]) -> bool:
    """Return whether MMEngine wrote it, which keeps the average where others keep the model.

    Source:
        MMEngine, ``EMAHook.before_save_checkpoint``.
    """
    averaged = content.get("ema_state_dict")
    return isinstance(averaged, dict) and "steps" in averaged


def _found_bare(content: dict[Any, Any]) -> tuple[Arrays, tuple[str, ...]] | None:
    arrays = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, np.ndarray)}
    has_weights = any(key.endswith("weight") for key in arrays)
    if not has_weights or 2 * len(arrays) < len(content):
        return None
    others = [key for key in content if key not in arrays]
    note = (f"Left out, as no tensors: {_some(others)}.",) if others else ()
    return _without_counters(arrays), note


def _found_module(module: Instance) -> tuple[Arrays, tuple[str, ...]] | None:
    arrays: Arrays = {}
    entries = 0
    for prefix, state in _walk(module):
        parts = [state.get(name) for name in ("_modules", "_parameters", "_buffers")]
        entries += 1 + sum(len(part) for part in parts if isinstance(part, dict))
        if entries > _MOST_ENTRIES:  # a file can share one module among very many
            raise ModelError(
                f"expected at most {_MOST_ENTRIES} modules and tensors in the network, found "
                "more. Save the model's state_dict()."
            )
        arrays |= {f"{prefix}{name}": array for name, array in _held(state)}
    arrays = _without_counters(arrays)
    return (arrays, ()) if arrays else None


def _held(state: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield a module's own parameters, and its buffers but those ``state_dict()`` leaves out."""
    passing = state.get("_non_persistent_buffers_set")
    names = passing if isinstance(passing, list) else []
    left_out = {name for name in names if isinstance(name, str)}
    for kind in ("_parameters", "_buffers"):
        held = state.get(kind)
        for name, value in held.items() if isinstance(held, dict) else ():
            hidden = kind == "_buffers" and name in left_out
            if isinstance(name, str) and isinstance(value, np.ndarray) and not hidden:
                yield name, value


def _walk(
    module: Instance, prefix: str = "", deepest: int = _DEEPEST_MODULE
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every module's prefix and attributes, in the order of ``state_dict()``."""
    yield prefix, module.state
    children = module.state.get("_modules")
    for name, child in children.items() if isinstance(children, dict) and deepest else ():
        if isinstance(name, str) and isinstance(child, Instance):
            yield from _walk(child, f"{prefix}{name}.", deepest - 1)


def _without_counters(arrays: Arrays) -> Arrays:
    return {k: v for k, v in arrays.items() if k.rpartition(".")[2] not in _COUNTERS}


def _take_average(arrays: Arrays) -> tuple[Arrays, tuple[str, ...]]:
    """Put NanoDet's ``avg_model.x`` in the place of ``model.x``, as its own loader does."""
    averaged = {k.removeprefix("avg_"): v for k, v in arrays.items() if k.startswith("avg_model.")}
    if not averaged:
        return arrays, ()
    rest = {key: value for key, value in arrays.items() if not key.startswith("avg_model.")}
    return rest | averaged, ("The averaged (EMA) weights under 'avg_model.' are used.",)


def _drop_copies(arrays: Arrays) -> tuple[Arrays, tuple[str, ...]]:
    """Drop the copies MMDetection 2 keeps as ``ema_a_b`` of ``a.b``: it swaps them on saving."""
    copies = {f"ema_{key.replace('.', '_')}" for key in arrays} & arrays.keys()
    if not copies:
        return arrays, ()
    kept = {key: value for key, value in arrays.items() if key not in copies}
    return kept, (f"Left out: {len(copies)} copies under 'ema_', which are not averaged.",)


def _unwrap(arrays: Arrays) -> tuple[Arrays, tuple[str, ...]]:
    """Strip the names of wrappers that all keys begin with.

    ``model.0`` is no wrapper: it is how YOLOv5 to YOLO11 name their own layers.
    """
    stripped = ""
    for _ in range(_MOST_WRAPPERS):
        shared = [name for name in _WRAPPERS if all(key.startswith(name) for key in arrays)]
        if not shared or all(_YOLO_LAYER.match(key) for key in arrays):
            break
        stripped += shared[0]
        arrays = {key.removeprefix(shared[0]): value for key, value in arrays.items()}
    return arrays, (f"Every key began with '{stripped}': left out.",) if stripped else ()


def _summary(content: Any) -> str:
    if isinstance(content, dict):
        return f"the keys {_some(list(content))}" if content else "nothing"
    return shown(content.class_name) if isinstance(content, Instance) else shown(content)


def _some(keys: list[Any]) -> str:
    return ", ".join(map(shown, keys[:8])) + (" ..." if len(keys) > 8 else "")
