"""What another program does to single figures and to paired ratios.

Usage: python benchmarks/busy_machine.py [--repeats N] [MODEL...]

FP32 and INT8 of each model are timed in turn, as edgekit always does: on the machine as it is,
beside a process that computes on one core a quarter of the time, in bursts, the same with disturbed
rounds measured again, and beside one that never rests; several times, one after the other. Run it
on a quiet machine; models that are not named keep what they had. The models are the demo's digit
detector and YOLOv5n (needs the folder EDGEKIT_DATA), that once with a thread for every core and
once with a single one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.cli.flags import cache_folder
from edgekit.config.device import find_device
from edgekit.config.recipe import Int8, find_recipe
from edgekit.measure.latency import LatencyOptions, measure_latency, speedup
from edgekit.pipeline.int8 import Int8Options, weight_rule
from edgekit.pipeline.options import ModelOptions
from edgekit.pipeline.prepare import network_of, prepare
from edgekit.scenes.dataset import SceneRequest, rendered_dataset

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cases import BUNDLED, DATA, edgekit_fp32, photographs
from committed import keep_models
from ort_cpu_int8 import edgekit_int8

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgekit.measure.candidate import Candidate
    from edgekit.measure.latency import LatencyRun
    from edgekit.values import Dataset

# By name: threads of the runtime, 0 for one per core.
MODELS = {"digits": 0, "yolov5n": 0, "yolov5n, one thread": 1}
OPTIONS = LatencyOptions(min_runs=150, min_seconds=4)
# Computes so many seconds, rests so many; ends by itself, should nobody end it.
PROGRAM = """
import sys, time
work, rest = map(float, sys.argv[1:])
end = time.monotonic() + 300
while time.monotonic() < end:
    pause = time.monotonic() + work
    while time.monotonic() < pause:
        pass
    time.sleep(rest)
"""
BURSTS, ALWAYS = (0.5, 1.5), (1.0, 0.0)
STATES: dict[str, tuple[tuple[float, float] | None, bool]] = {
    "quiet": (None, False),
    "bursts": (BURSTS, False),
    "bursts, repeated": (BURSTS, True),
    "always": (ALWAYS, False),
}


def main() -> None:
    """Measure the models and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--repeats", type=int, default=5, help="of each state")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"No model {sorted(unknown)}. There are {', '.join(MODELS)}.")
    kept = cache_folder() / "busy_machine"
    kept.mkdir(parents=True, exist_ok=True)

    def run(model: str) -> dict[str, Any]:
        pair, images = candidates(model, kept)
        return {"runs": measured(pair, images, arguments.repeats, OPTIONS)}

    keep_models("busy_machine", arguments.models, run)


def candidates(model: str, kept: Path) -> tuple[tuple[Candidate, Candidate], Dataset]:
    """Return a model in FP32 and in INT8, written to ``kept``, and images to run on."""
    precision = find_recipe("ort-cpu-int8").precision
    assert isinstance(precision, Int8)
    if model == "digits":
        path = BUNDLED
        images = rendered_dataset(SceneRequest("calib", precision.calibration.count), kept)
    else:
        path, images = DATA / "models" / "yolov5n.onnx", photographs()[0]
    detector = prepare(path, ModelOptions())
    network = network_of(detector)
    fp32 = edgekit_fp32(detector, network, kept)
    options = Int8Options(precision, weight_rule(precision, find_device("host")), kept)
    int8 = edgekit_int8(network, images, options, fp32).candidate
    backend = OnnxRuntime(threads=MODELS[model])
    return (replace(fp32, backend=backend), replace(int8, backend=backend)), images


def measured(
    pair: Sequence[Candidate], images: Dataset, repeats: int, options: LatencyOptions
) -> list[dict[str, Any]]:
    """Return the figures of every run, the states in turn."""
    found = []
    for _ in range(repeats):
        for state, (pattern, repeat) in STATES.items():
            with another_program(pattern):
                asked = replace(options, repeat_disturbed=repeat)
                run = measure_latency(pair, images, asked)
            found.append({"state": state, **figures(run)})
            print(found[-1], flush=True)
    return found


@contextmanager
def another_program(pattern: tuple[float, float] | None) -> Iterator[None]:
    """Have another process compute meanwhile.

    Args:
        pattern: For how many seconds it computes, and rests then; ``None`` starts none.
    """
    if pattern is None:
        yield
        return
    command = [sys.executable, "-c", PROGRAM, *map(str, pattern)]
    # In a session of its own, as what another terminal or a service runs is.
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def figures(run: LatencyRun) -> dict[str, Any]:
    """Return what one run says: single figures, and the ratio of the pair."""
    fp32, int8 = run.results
    ratio = speedup(fp32, int8)
    return {
        "fp32": single(fp32),
        "int8": single(int8),
        "speedup": ratio.value,
        "speedup_ci95": [ratio.low, ratio.high],
        "other_programs_cores": run.others_cores,
        "waited": run.waited,
        "rounds_disturbed": run.rounds_disturbed,
        "rounds_left_out": run.rounds_left_out,
        "disturbed": run.disturbed,
    }


def single(timed: Any) -> dict[str, Any]:
    """Return the figures of one model."""
    return {
        "p50_ms": timed.latency.p50,
        "p50_ci95_ms": timed.spread.p50_ci95,
        "p90_ms": timed.latency.p90,
        "p90_early_stopping_ms": timed.spread.p90_early_stopping,
        "runs": timed.latency.runs,
    }


if __name__ == "__main__":
    main()
