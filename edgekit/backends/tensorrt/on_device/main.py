"""Checks a bundle, builds its engines, times them in turn and writes ``result/result.json``.

Run it in the bundle: ``python3 measure.py``. It needs trtexec and Python 3.8, nothing else. Run
again after an interruption, it goes on where it stopped. It writes into ``cache`` and ``result``
only.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

from .board import clocks_locked, power_mode, system_of
from .bundle_read import MANIFEST, chosen, commands_for, entry_for, inputs_of, read_bundle
from .engines import Place, engine_of
from .files import read_json, sha256_of, write_json
from .problems import Problem
from .program import ask, find
from .stages import Timing, layers_stage, outputs_stage, pooled, round_stage

Json = Dict[str, Any]

SCHEMA = 1
_FULL = (errno.ENOSPC, errno.EDQUOT)


def main(arguments: Optional[Sequence[str]] = None, folder: Optional[Path] = None) -> int:
    """Return the exit code: 0 measured; 2 bad bundle, 3 something missing, 4 a stage failed.

    Standard output has the path of the result, standard error the story.
    """
    here = folder or Path(__file__).resolve().parent.parent
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        result = _measure(here, options)
    except Problem as problem:
        _say(f"measure.py: {problem}")
        return problem.exit_code
    except BrokenPipeError:
        # Whoever listened is gone. Nothing more may be written, at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        return Problem.exit_code
    except OSError as err:
        _say(f"measure.py: {_told_of(err, here)}")
        return Problem.exit_code
    except KeyboardInterrupt:
        _say("measure.py: stopped. Run it again to go on: what is finished is kept.")
        return Problem.exit_code
    sys.stdout.write(f"{result}\n")
    return 0


def _measure(folder: Path, options: argparse.Namespace) -> Path:
    manifest = read_bundle(folder)
    table = read_json(folder / manifest["table"])
    (folder / "cache").mkdir(exist_ok=True)
    with (folder / "cache" / "lock").open("w") as lock:
        _lock(lock)
        program = ask(find(options.trtexec))
        row = entry_for(table, program.version)
        models = chosen(manifest, row["typing"], options.precisions)
        place = Place(folder, program, system_of(), power_mode(), options.dla, options.rebuild)
        _say(
            f"TensorRT {program.release}, {row['typing']}ly typed, on {program.device['name']}, "
            f"power mode {place.power_mode or 'unknown'}"
        )
        if clocks_locked() is False:
            _say("Clocks may rise and fall: 'sudo jetson_clocks' makes times steadier.")
        commands = {name: commands_for(row, name, options.dla) for name in models}
        rows = _rows(place, manifest, models, commands, options)
        _same_mode(place)
        described = _described(place, manifest, row)
        write_json(folder / "result" / "result.json", {**described, "rows": rows})
    for name, row in rows.items():
        _say(_summary(name, row))
    return folder / "result" / "result.json"


def _rows(
    place: Place, manifest: Json, models: Dict[str, str], commands: Json, options: Any
) -> Json:
    """Return what was measured of each precision."""
    inputs = inputs_of(place.folder, manifest)
    steps = _steps(len(models) * (2 + options.rounds + len(inputs)))
    engines = {}
    for name, onnx in models.items():
        _say(f"{next(steps)} build {name} from {onnx}")
        engines[name] = engine_of(place, name, onnx, commands[name]["build"])
    layers = {}
    for name in models:
        _say(f"{next(steps)} layers of {name}")
        layers[name] = layers_stage(place, engines[name], commands[name])
    timing = Timing(options.seconds, options.iterations, options.warmup_ms)
    rounds: Dict[str, List[Json]] = {name: [] for name in models}
    # In turn, so that a board that warms up slows all of them alike.
    for number in range(options.rounds):
        for name in models:
            _say(f"{next(steps)} time {name}, round {number + 1}")
            done = round_stage(place, engines[name], commands[name], number, timing)
            rounds[name].append(done)
            for reason in done["slowed_down"]:
                _say(f"The board slowed itself down: {reason}. Cool it, or lower its mode.")
    outputs: Dict[str, Json] = {name: {} for name in models}
    for name in models:
        for given in inputs:
            _say(f"{next(steps)} outputs of {name} for {given['stem']}")
            outputs[name][given["stem"]] = outputs_stage(
                place, engines[name], commands[name], given
            )
    return {
        name: {
            "onnx": onnx,
            "engine": {key: value for key, value in engines[name].items() if key != "path"},
            "arguments": commands[name],
            "layers": layers[name],
            "rounds": rounds[name],
            **pooled(place, rounds[name]),
            "outputs": outputs[name],
        }
        for name, onnx in models.items()
    }


def _described(place: Place, manifest: Json, row: Json) -> Json:
    return {
        "schema": SCHEMA,
        "bundle_sha256": sha256_of(place.folder / MANIFEST),
        "edgekit": manifest["edgekit"],
        "model": manifest["model"],
        "tensorrt": {"version": place.program.version, "build": place.program.build},
        "typing": row["typing"],
        "device": place.program.device,
        "board": place.system,
        "power_mode": place.power_mode,
        "clocks_locked": clocks_locked(),
        "dla_core": place.dla_core,
        "key": place.key,
    }


def _same_mode(place: Place) -> None:
    now = power_mode()
    if now != place.power_mode:
        raise Problem(
            f"the power mode changed from {place.power_mode} to {now} while it was measured. "
            "Run this again in the one you want."
        )


def _summary(name: str, row: Json) -> str:
    latency, layers = row["latency_ms"], row["layers"]
    counted = ", ".join(f"{count} {kind}" for kind, count in layers["by_precision"].items())
    return (
        f"{name}: p50 {latency['p50']:.2f} ms, p90 {latency['p90']:.2f} ms over {latency['runs']} "
        f"runs; layers: {counted}; copies between formats: {layers['reformats']}"
    )


def _told_of(err: OSError, folder: Path) -> str:
    if err.errno in _FULL:
        return f"the disk of {folder} is full. Free some space and run this again."
    return f"{err.filename or folder}: {err.strerror}. It has to be there, and yours to write."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="measure.py", description=__doc__)
    parser.add_argument(
        "--trtexec", metavar="PATH", help="where it is, if not where JetPack puts it"
    )
    parser.add_argument("--precisions", metavar="A,B", help="which of the bundle's; default all")
    parser.add_argument("--rounds", type=_positive, default=5, help="each precision in turn; 5")
    parser.add_argument("--seconds", type=_positive, default=3, help="of each round, at least; 3")
    parser.add_argument("--iterations", type=_positive, default=100, help="at least; 100")
    parser.add_argument("--warmup-ms", type=_positive, default=500, help="before each round; 500")
    parser.add_argument("--dla", type=int, metavar="CORE", help="deep-learning accelerator to use")
    parser.add_argument("--rebuild", action="store_true", help="build engines that are there anew")
    return parser


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {number}")
    return number


def _lock(lock: Any) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Problem(
            "another measure.py runs in this bundle; two would disturb each other's times. "
            "Wait for it, or end it."
        ) from None


def _steps(count: int) -> Iterator[str]:
    return (f"[{number}/{count}]" for number in range(1, count + 1))


def _stop(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
