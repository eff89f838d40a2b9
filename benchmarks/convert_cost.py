"""What a conversion costs: seconds and memory of ``edgekit convert``, and how fast ``--help`` is.

Usage: python benchmarks/convert_cost.py

Converts yolov8n with 64 calibration images, without any cache, first alone (INT8 is then compared
with FP32 on 64 other images), then scored on the 112 of coco-val-mini as well; starts
``edgekit --help`` ten times. Needs the folder EDGEKIT_DATA; Linux or macOS.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgekit.measure.machine import describe_machine

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cases import DATA  # noqa: E402
from committed import commit  # noqa: E402  (a sibling script)

HELP_RUNS = 10
KIB = 1024 if sys.platform == "linux" else 1


def main() -> None:
    """Measure and write the result."""
    help_seconds = [timed("--help")[0] for _ in range(HELP_RUNS)]
    load = os.getloadavg()[0]
    alone, _ = converted()
    scored, printed = converted(f"--eval={DATA / 'coco-val-mini' / 'instances.json'}")
    result = {
        "commit": commit(),
        "machine": vars(describe_machine()),
        "load_1min_before": load,
        "help_median_s": round(statistics.median(help_seconds), 3),
        "convert_s": round(alone, 1),
        "convert_and_score_s": round(scored, 1),
        "printed": printed.splitlines(),
        "convert_peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * KIB,
    }
    path = HERE / "results" / "convert_cost.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def converted(*flags: str) -> tuple[float, str]:
    """Return the seconds one conversion of yolov8n takes, and what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, printed = timed(
            "convert",
            str(DATA / "models" / "yolov8n.onnx"),
            "--target=ort-cpu-int8",
            f"--calib={DATA / 'coco-train-mini' / 'images'}",
            f"--out={folder}/out",
            *flags,
            cache=f"{folder}/cache",
        )
    return seconds, printed.replace(f"{folder}/out", "build/v8n")


def timed(*arguments: str, cache: str = "") -> tuple[float, str]:
    """Return the seconds one run of edgekit takes, and what it prints in 100 columns."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "edgekit", *arguments],
        check=True,
        env={**os.environ, "EDGEKIT_CACHE": cache, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        text=True,
    )
    return time.perf_counter() - start, done.stdout


if __name__ == "__main__":
    main()
