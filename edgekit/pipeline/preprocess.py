"""``--preprocess``: changes to the preprocessing of a family, as text."""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from edgekit.errors import ConfigError, UnknownNameError
from edgekit.values import ColorOrder, Interpolation, Preprocess, Resize

_TRIPLES = frozenset({"mean", "std"})
_KEYS = tuple(f.name for f in fields(Preprocess) if f.name != "size_hw")
_ADAPTER = TypeAdapter(Preprocess)


def changed(preprocess: Preprocess, text: str) -> Preprocess:
    """Return ``preprocess`` with the changes in ``text``.

    Args:
        preprocess: What the family does.
        text: ``key=value`` pairs joined by commas. ``mean`` and ``std`` take one number, or
            three joined by ``/``, in pixel units 0..255.

    Raises:
        ConfigError: A pair is malformed or a value does not fit.
        UnknownNameError: There is no such key.
    """
    values = {f.name: getattr(preprocess, f.name) for f in fields(Preprocess)}
    for pair in text.split(","):
        key, equals, value = pair.strip().partition("=")
        if not equals:
            raise ConfigError(
                f"--preprocess '{pair}': expected key=value, e.g. color=bgr. Keys: "
                f"{', '.join(_KEYS)}."
            )
        if key not in _KEYS:
            raise UnknownNameError("--preprocess key", key, _KEYS)
        values[key] = _triple(value) if key in _TRIPLES else value
    try:
        made = _ADAPTER.validate_python(values)
    except ValidationError as err:
        fault = err.errors()[0]
        raise ConfigError(
            f"--preprocess {'.'.join(map(str, fault['loc']))}={fault['input']}: {fault['msg']}. "
            f"resize: {', '.join(get_args(Resize))}; color: {', '.join(get_args(ColorOrder))}; "
            f"interpolation: {', '.join(get_args(Interpolation))}."
        ) from err
    _require_usable(made)
    return made


def described(preprocess: Preprocess) -> str:
    """Return the text that ``changed`` reads back to the same preprocessing."""
    parts = []
    for key in _KEYS:
        value = getattr(preprocess, key)
        text = "/".join(str(v).removesuffix(".0") for v in value) if key in _TRIPLES else str(value)
        parts.append(f"{key}={text}")
    return ",".join(parts)


def _require_usable(made: Preprocess) -> None:
    usable = {
        "mean": (all(map(isfinite, made.mean)), "finite numbers"),
        "std": (all(isfinite(s) and s > 0 for s in made.std), "finite numbers above 0"),
        "pad_value": (0 <= made.pad_value <= 255, "a grey level of 0 to 255"),
    }
    for key, (fits, expected) in usable.items():
        if not fits:
            raise ConfigError(
                f"--preprocess {key}: expected {expected}, found {getattr(made, key)}. "
                f"Leave {key} out to keep what the family does."
            )


def _triple(text: str) -> tuple[str, ...]:
    numbers = tuple(text.split("/"))
    return numbers * 3 if len(numbers) == 1 else numbers
