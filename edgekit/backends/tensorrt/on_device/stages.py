"""The stages after the build: layers, times, outputs. Each is kept, and not done again."""

from __future__ import annotations

from array import array
from math import prod
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple

from .board import PowerLog, clocks_locked, slowed_down, state_of
from .files import done_before, keep, read_json, remove
from .problems import Problem
from .program import run
from .readings import layers_of, spread_of, summary_of, times_of

if TYPE_CHECKING:
    from pathlib import Path

    from .engines import Place

Json = Dict[str, Any]

_PATIENCE_S = 900.0


class Timing(NamedTuple):
    """How long an engine is timed.

    Attributes:
        seconds: Of one round, at least.
        iterations: Of one round, at least.
        warmup_ms: Before every round.
    """

    seconds: int
    iterations: int
    warmup_ms: int


def layers_stage(place: Place, engine: Json, commands: Json) -> Json:
    """Return what the layers of ``engine`` compute in and how long each takes."""
    name = engine["made_of"]["precision"]
    made_of = {"engine": engine["sha256"], "arguments": commands["profile"]}
    record = _raw(place, f"{name}.layers.record.json")
    kept = done_before(record, made_of)
    if kept is not None:
        return kept
    layers, profile = _raw(place, f"{name}.layers.json"), _raw(place, f"{name}.profile.json")
    _run(
        place,
        engine,
        commands["profile"],
        f"{name}.profile",
        {"layers": layers, "profile": profile},
    )
    info = read_json(layers)
    if not isinstance(info, dict):
        raise Problem(f"trtexec wrote no layer information that can be read: {layers}")
    return keep(record, made_of, layers_of(info, read_json(profile)))


def round_stage(place: Place, engine: Json, commands: Json, number: int, timing: Timing) -> Json:
    """Return the times of one round, and the state of the board before and after.

    Returns:
        ``latency_ms``, ``compute_ms``, ``h2d_ms`` and ``d2h_ms``, each spread over the runs;
        ``throughput_qps``; ``times``, the file with every run; ``before`` and ``after``;
        ``slowed_down``, the reasons if the board held itself back; ``power``, ``None`` where
        nothing measures it; ``clocks_locked``.
    """
    name = f"{engine['made_of']['precision']}.round{number}"
    made_of = {
        "engine": engine["sha256"],
        "arguments": commands["time"],
        "timing": timing._asdict(),
        "power_mode": place.power_mode,
    }
    record, times = _raw(place, f"{name}.record.json"), _raw(place, f"{name}.times.json")
    kept = done_before(record, made_of)
    if kept is not None and times.is_file():
        return kept
    remove(times)
    before = state_of()
    with PowerLog() as power:
        told = _run(place, engine, commands["time"], name, {"times": times, **timing._asdict()})
    measured, after = _measured(told, times), state_of()
    outcome = {
        **measured,
        "times": times.relative_to(place.folder).as_posix(),
        "before": before,
        "after": after,
        "slowed_down": slowed_down(before, after),
        "power": power.of_last(timing.seconds),
        "clocks_locked": clocks_locked(),
    }
    return keep(record, made_of, outcome)


def outputs_stage(place: Place, engine: Json, commands: Json, given: Json) -> Json:
    """Return where the outputs of one input are: what scores the engine, decoded elsewhere.

    Args:
        place: Where.
        engine: Its sidecar.
        commands: Of its precision.
        given: ``name`` of the network's input, ``stem`` and ``path`` of its raw values.

    Returns:
        By name of the output: ``file`` of float32 values, little-endian, and ``shape``. Values have
        the six digits that trtexec prints.
    """
    name = f"{engine['made_of']['precision']}.{given['stem']}"
    made_of = {
        "engine": engine["sha256"],
        "arguments": commands["outputs"],
        "input": given["sha256"],
    }
    record = place.folder / "result" / "outputs" / f"{name}.json"
    kept = done_before(record, made_of)
    if kept is not None:
        return kept
    printed = _raw(place, f"{name}.outputs.json")
    values = {"outputs": printed, "input": f"{given['name']}:{given['path']}"}
    _run(place, engine, commands["outputs"], f"{name}.outputs", values)
    outputs = read_json(printed)
    if not isinstance(outputs, list):
        raise Problem(f"trtexec wrote no outputs that can be read: {printed}")
    record.parent.mkdir(parents=True, exist_ok=True)
    outcome = {
        one["name"]: _stored(place, record.with_suffix(f".{index}.f32"), one)
        for index, one in enumerate(outputs)
    }
    remove(printed)
    remove(_raw(place, f"{name}.outputs.log"))
    return keep(record, made_of, outcome)


def pooled(place: Place, rounds: List[Json]) -> Json:
    """Return the spread of latency and compute time over the runs of all rounds."""
    runs: Dict[str, List[float]] = {"latency": [], "compute": []}
    for one in rounds:
        times = times_of(read_json(place.folder / one["times"]), one["latency_ms"]["runs"])
        for metric, found in runs.items():
            found.extend(times[metric])
    return {f"{metric}_ms": spread_of(found) for metric, found in runs.items()}


def _measured(told: str, times: Path) -> Json:
    summary, trace = summary_of(told), read_json(times)
    if summary is None or not isinstance(trace, list) or not trace:
        raise Problem(f"trtexec told no times that can be read, neither printed nor in {times}")
    by_metric = times_of(trace, summary["queries"])
    return {
        **{f"{metric}_ms": spread_of(found) for metric, found in by_metric.items()},
        "throughput_qps": summary["throughput_qps"],
    }


def _stored(place: Place, path: Path, output: Json) -> Json:
    shape = [int(part) for part in str(output["dimensions"]).split("x")]
    values = array("f", output["values"])
    if len(values) != prod(shape):
        raise Problem(
            f"output {output['name']}: expected {prod(shape)} values of shape {shape}, "
            f"found {len(values)}"
        )
    path.write_bytes(values.tobytes())
    return {"file": path.relative_to(place.folder).as_posix(), "shape": shape}


def _run(place: Place, engine: Json, template: List[str], name: str, values: Json) -> str:
    filled = {"engine": engine["path"], "dla_core": place.dla_core, **values}
    arguments = [word.format(**filled) for word in template]
    return run(place.program, arguments, _raw(place, f"{name}.log"), _PATIENCE_S)


def _raw(place: Place, name: str) -> Path:
    return place.folder / "result" / "raw" / name
