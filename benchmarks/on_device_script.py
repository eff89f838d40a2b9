"""What a bundle runs on a board, under the Pythons boards have, against a stand-in for trtexec.

Usage: python benchmarks/on_device_script.py [--python PATH]...

No Jetson and no TensorRT: the stand-in (``tests/backends/tensorrt/stand_in_trtexec.py``) takes and
rejects flags as each version's trtexec does and writes what it writes, so its times mean nothing
and are not kept. What is kept: whether measure.py ends well, which file it takes, and that a second
run does nothing. Pythons that are not named are looked for as python3.8, python3.10 and so on, on
PATH and among pyenv's.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from committed import RESULTS, commit  # noqa: E402  (a sibling script)

from edgekit.measure.machine import describe_machine  # noqa: E402
from tests.backends.tensorrt.boards import (  # noqa: E402
    QUICK,
    RELEASES,
    measure,
    put_bundle,
    put_trtexec,
)

MINORS = (8, 10, 12)  # what JetPack 5, 6 and 7 come with
PYENV = Path.home() / ".pyenv" / "versions"
RESULT = RESULTS / "on_device_script.json"


def main() -> None:
    """Run every Python with every version, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", type=Path, metavar="PATH")
    pythons = parser.parse_args().python or [p for minor in MINORS if (p := _python(minor))]
    machine = describe_machine()
    result = {
        "commit": commit(),
        "machine": {"cpu": machine.cpu, "cores": machine.cores},
        "runs": [_run(python, release) for python in pythons for release in RELEASES],
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written: {RESULT.name}, {len(result['runs'])} runs")


def _run(python: Path, release: str) -> dict[str, Any]:
    """Return how measure.py fares under ``python`` with the trtexec of ``release``, run twice."""
    with tempfile.TemporaryDirectory() as folder:
        bundle, programs = put_bundle(Path(folder) / "bundle"), Path(folder) / "bin"
        put_trtexec(programs, release)
        start = time.perf_counter()
        first = measure(bundle, programs, *QUICK, python=str(python))
        second = measure(bundle, programs, *QUICK, python=str(python))
        seconds = time.perf_counter() - start
        raw = bundle / "result" / "raw"
        warned = any("[W]" in log.read_text(encoding="utf-8") for log in raw.glob("*.log"))
        told = json.loads((bundle / "result" / "result.json").read_text(encoding="utf-8"))
    print(
        f"{python.name}, {release}: exit codes {first.returncode}, {second.returncode}", flush=True
    )
    return {
        "python": _version(python),
        "tensorrt": told["tensorrt"]["version"],
        "typing": told["typing"],
        "files": {name: row["onnx"] for name, row in told["rows"].items()},
        "exit_code": first.returncode,
        "exit_code_again": second.returncode,
        "built_again": [n for n, row in told["rows"].items() if not row["engine"]["reused"]],
        "warned": warned,
        "both_runs_s": round(seconds, 2),
    }


def _python(minor: int) -> Path | None:
    found = shutil.which(f"python3.{minor}")
    kept = sorted(PYENV.glob(f"3.{minor}.*/bin/python3.{minor}"))
    if kept:
        return kept[-1]
    return Path(found) if found else None


def _version(python: Path) -> str:
    code = "import platform; print(platform.python_version())"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return told.stdout.strip()


if __name__ == "__main__":
    main()
