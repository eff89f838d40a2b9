"""The committed results of benchmarks, as pages show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def committed(name: str) -> dict[str, Any]:
    """Return the committed result of one benchmark; nothing before it was measured."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return {}
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result
