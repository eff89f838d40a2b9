"""Starts the running script again with every instruction set after AVX2 hidden from it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def restart_under_it() -> None:
    """Replace this process by the same command under ``only_avx2.c``; returns once it is so."""
    if os.environ.get("EDGEKIT_ONLY_AVX2"):
        return
    library = Path(tempfile.mkdtemp(prefix="only-avx2-")) / "only_avx2.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "EDGEKIT_ONLY_AVX2": "1"}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)
