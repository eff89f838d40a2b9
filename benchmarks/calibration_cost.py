"""What calibration costs: time and memory of edgekit's beside ``quantize_static`` with min-max.

Usage: python benchmarks/calibration_cost.py [--rounds N]

Both take yolov8n from 200 images of coco-train-mini at 640x640 to INT8, the reading of the images
included, each in a process of its own and in turn. edgekit does it as the recipe ``ort-cpu-int8``
says, and without any cache; ``quantize_static`` runs at its defaults. Peak memory is that of the
whole process. Needs the folder EDGEKIT_DATA; Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.images.datasets import open_dataset
from edgekit.measure.machine import describe_machine
from edgekit.pipeline.int8 import Int8Options, quantize_network, weight_rule
from edgekit.pipeline.opened import candidate_of
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "calibration_cost.json"
sys.path.insert(0, str(HERE))

import peers  # noqa: E402  (a sibling script)
from cases import DATA  # noqa: E402
from committed import commit  # noqa: E402
from ort_cpu_int8 import peer_entry  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgekit.values import Dataset

IMAGES = 200
MODEL = DATA / "models" / "yolov8n.onnx"
KIB = 1024 if sys.platform == "linux" else 1
PEAK_AT_MOST, TIMES_AT_MOST = 1.5 * 2**30, 1.5


def main() -> None:
    """Run both in turn and write the result; ``--only`` runs one, for a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=tuple(PARTS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(PARTS[arguments.only]()))
        return
    load = os.getloadavg()[0]
    rounds = [{name: alone(name) for name in PARTS} for _ in range(arguments.rounds)]
    result = {
        "commit": commit(),
        "machine": vars(describe_machine()),
        "load_1min_before": load,
        "images": IMAGES,
        **summary(rounds),
        "rounds": rounds,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians, the largest memory, and whether the bars are met."""
    times = statistics.median(r["edgekit"]["seconds"] / r["peer"]["seconds"] for r in rounds)
    found: dict[str, Any] = {
        name: {
            "seconds": round(statistics.median(r[name]["seconds"] for r in rounds), 1),
            "peak_bytes": max(r[name]["peak_bytes"] for r in rounds),
        }
        for name in PARTS
    }
    found["times_as_long"] = round(times, 2)
    found["times_met"] = times <= TIMES_AT_MOST
    found["peak_met"] = found["edgekit"]["peak_bytes"] <= PEAK_AT_MOST
    return found


def alone(name: str) -> dict[str, Any]:
    """Return what the part ``name`` measures in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--only", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(name, measured, file=sys.stderr, flush=True)
    return measured


def edgekit() -> dict[str, Any]:
    """Return the cost of edgekit's INT8, and how many seconds each of its passes took."""
    network = network_of(prepare(MODEL, ModelOptions()))
    recipe = find_recipe("ort-cpu-int8").precision
    assert isinstance(recipe, Int8)
    options = Int8Options(recipe, weight_rule(recipe, find_device("host")))
    images = calibration()
    ends: dict[str, float] = {}
    start = time.perf_counter()

    def progress(stage: str, _done: int, _total: int) -> None:
        ends[stage] = time.perf_counter()

    def run() -> None:
        quantize_network(network, images, options, progress)
        ends["ranges and the rest"] = time.perf_counter()

    cost = timed(run)
    starts = [start, *ends.values()]
    passes = zip(ends, starts, ends.values(), strict=False)
    return cost | {"passes": {name: round(end - begin, 1) for name, begin, end in passes}}


def peer() -> dict[str, Any]:
    """Return the cost of ``quantize_static`` at its defaults."""
    given = candidate_of(prepare(MODEL, ModelOptions()), "quantize_static")
    images = calibration()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "int8"
        return timed(lambda: peer_entry(given, peers.ORT_DEFAULTS, images, out))


def calibration() -> Dataset:
    """Return the images."""
    whole = open_dataset(DATA / "coco-train-mini" / "instances.json")
    return replace(whole, records=whole.records[:IMAGES])


def timed(work: Callable[[], object]) -> dict[str, Any]:
    """Return the seconds ``work`` takes, those of all cores, and the most memory there ever was."""
    start, start_of_cores = time.perf_counter(), time.process_time()
    work()
    seconds, of_cores = time.perf_counter() - start, time.process_time() - start_of_cores
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    return {"seconds": round(seconds, 1), "core_seconds": round(of_cores, 1), "peak_bytes": peak}


PARTS = {"edgekit": edgekit, "peer": peer}


if __name__ == "__main__":
    main()
