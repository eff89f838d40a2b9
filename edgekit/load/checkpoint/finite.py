"""Weights that are no numbers, found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.errors import ModelError
from edgekit.load.checkpoint.shown import shown
from edgekit.load.checkpoint.values import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# outermost parts of a training checkpoint that no detection depends on
_TRAINING = frozenset(
    {"optimizer", "optimizers", "optimizer_state", "optimizer_state_dict", "optimizer_states"}
    | {"scheduler", "schedulers", "lr_scheduler", "lr_schedulers", "scaler", "scalers"}
    | {"grad_scaler", "amp", "train_metrics", "train_results", "best_fitness", "fitness"}
)
# from the last key outwards; a text of a file's keys could be larger than the file
_Way = tuple["_Way", Any] | None
_LONGEST_PART = 40
_LAYERS = frozenset({"_modules", "_parameters", "_buffers"})


def refuse_nan(content: Any) -> None:
    """Raise when a tensor of ``content`` has a NaN; what only training uses is not looked at.

    Raises:
        ModelError: One has; the message names the first.
    """
    for way, array in _arrays(_without_training(content)):
        # the minimum is NaN where any is, and takes no memory
        if array.dtype.kind in "fc" and array.size and np.isnan(array.min()):
            count = int(np.isnan(array).sum())
            raise ModelError(
                f"expected weights that are numbers, found {count} of {array.size} in "
                f"{shown(_dotted(way))} that are NaN. The training diverged: use an earlier "
                "checkpoint."
            )


def _without_training(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    return {key: value for key, value in content.items() if key not in _TRAINING}


def _arrays(content: Any) -> Iterator[tuple[_Way, np.ndarray[Any, Any]]]:
    """Yield every array once, with the way to it."""
    seen: set[int] = set()
    left: list[tuple[_Way, Any]] = [(None, content)]
    while left:
        way, value = left.pop()
        if id(value) in seen:
            continue
        if isinstance(value, np.ndarray):
            seen.add(id(value))
            yield way, value
        elif isinstance(value, dict | list | tuple | Instance):
            seen.add(id(value))
            inner = [((way, key), item) for key, item in _children(value)]
            left.extend(reversed(inner))


def _children(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Instance):
        return [*value.state.items(), *enumerate(value.args)]
    return value.items() if isinstance(value, dict) else enumerate(value)


def _dotted(way: _Way) -> str:
    """Return the way as torch names parameters."""
    parts: list[str] = []
    while way is not None:
        way, key = way
        if key not in _LAYERS:
            parts.append(str(key)[:_LONGEST_PART] if isinstance(key, str | int) else "?")
    return ".".join(reversed(parts))
