"""Text of a file that is not to be trusted, made fit for a message of one line."""

from __future__ import annotations

_LONGEST = 80


def shown(value: object) -> str:
    """Return ``value`` in quotes, short and on one line; of what is no text, only its type."""
    if not isinstance(value, str):
        return f"a {type(value).__name__}"
    text = value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
    return "'" + "".join(c if c.isprintable() else "?" for c in text) + "'"
