"""Questions about drivers, asked in a process of their own.

A driver and libraries that do not fit each other may end the process that loads them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from edgekit.errors import MissingError

_STDERR_TAIL = 300


def ask_apart(code: str, about: str, patience_s: float) -> dict[str, Any]:
    """Return the JSON object that ``code`` prints as its last line, run by a Python of its own.

    Args:
        code: Python that may import all that this process may.
        about: What is asked for, as it stands in messages: ``the GPU``.
        patience_s: How long to wait, in seconds.

    Raises:
        MissingError: There was no answer; says how the process ended and what it said.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired as err:
        raise MissingError(f"{about} did not answer within {patience_s:g} s") from err
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        said = done.stderr.strip()[-_STDERR_TAIL:] or "nothing"
        raise MissingError(f"asking for {about} ended with code {done.returncode}: {said}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer
