"""The committed results of benchmarks: read, kept up model by model, and what they were run at."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.measure.machine import describe_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RESULTS = Path(__file__).resolve().parent / "results"


def committed(name: str) -> dict[str, Any]:
    """Return the committed result of one benchmark; nothing before it was measured."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return {}
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def keep_models(name: str, models: Iterable[str], run: Callable[[str], dict[str, Any]]) -> None:
    """Write what ``run`` finds of each of ``models`` to the result ``name`` as it is found.

    Models that are not among them keep what they had.
    """
    result = {"models": {}, **committed(name), "machine": vars(describe_machine())}
    for model in models:
        result["models"][model] = {"commit": commit(), **run(model)}
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written: {model} to {name}.json", flush=True)


def commit() -> str:
    """Return the commit this runs at; ``+changes`` after it when the tree differs."""
    git = ["git", "-C", str(RESULTS)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no"],
        capture_output=True,
        text=True,
        check=True,
    )
    return head.stdout.strip() + ("+changes" if dirty.stdout.strip() else "")
