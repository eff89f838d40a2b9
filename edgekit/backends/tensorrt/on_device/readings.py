"""What trtexec prints and writes, read. No file is opened here.

Source:
    NVIDIA/TensorRT, ``samples/common/sampleReporting.cpp`` (summary, ``--exportTimes``,
    ``--exportProfile``), ``sampleDevice.cpp`` (device) and ``logger.cpp`` (banner), 8.5 to 11;
    "Engine inspector" of the TensorRT developer guide and published engine dumps (layer info).
    Layer info is not specified: fields that a version leaves out are read as unknown. That parts
    on the DLA have the ``LayerType`` ``DLA`` was read in others' programs, not seen on a board; a
    profile books their time to the copy that waits for them (NVIDIA/TensorRT issue 3143).
"""

from __future__ import annotations

import re
from math import ceil, floor
from typing import Any, Dict, List, Optional, Sequence

Json = Dict[str, Any]

_BANNER = re.compile(r"\[TensorRT v(\d+(?:\.\d+)*)\](?: \[b(\d+)\])?")
_ERROR = re.compile(r"^(?:\[[^\]]*\] )?\[E\] (.*)$", re.MULTILINE)
_FAILURE = re.compile(r"^.*(?:Cuda failure|Cannot find any available devices).*$", re.MULTILINE)
_FALLBACK = re.compile(r"Layer '(.+)' \((\w+)\): Unsupported on DLA")
_QUERIES = re.compile(r"Timing trace has (\d+) queries")
_THROUGHPUT = re.compile(r"Throughput: ([\d.e+]+) qps")
_SUMMARY = re.compile(r"\] (Latency|Enqueue Time|H2D Latency|GPU Compute Time|D2H Latency): (.*)$")
_FIGURE = re.compile(r"(min|max|mean|median|percentile\([\d.]+%\)) = ([\d.e+-]+) ms")
_DEVICE = {
    "name": re.compile(r"Selected Device: (.+?)\s*$", re.MULTILINE),
    "compute_capability": re.compile(r"Compute Capability: ([\d.]+)"),
    "sms": re.compile(r"SMs: (\d+)"),
    "memory_mib": re.compile(r"Device Global Memory: (\d+) MiB"),
}
# Older versions write sentences ("Thirty-two wide channel vectorized row major Int8 format"),
# newer ones words ("Half"). Narrow before wide: "BFloat16" has a "Float" in it.
_TYPES = (
    ("int8", re.compile(r"int8", re.IGNORECASE)),
    ("fp8", re.compile(r"fp8", re.IGNORECASE)),
    ("bf16", re.compile(r"bf16|bfloat", re.IGNORECASE)),
    ("fp16", re.compile(r"fp16|half", re.IGNORECASE)),
    ("fp32", re.compile(r"fp32|float", re.IGNORECASE)),
)
_WIDTHS = ("int8", "fp8", "fp16", "bf16", "fp32")
_INT8_TACTIC = re.compile(r"i8i8|s8s8|imma|int8", re.IGNORECASE)
UNKNOWN = "other"


def version_of(told: str) -> Optional[Json]:
    """Return ``version`` (``10.3.0``) and ``build`` (``17``, or ``None``) of trtexec's banner.

    The banner has ``v8502`` for 8.5.2 and ``v101602`` for 10.16.2.
    """
    found = _BANNER.search(told)
    if found is None:
        return None
    digits, build = found.groups()
    if "." in digits:
        return {"version": ".".join(digits.split(".")[:3]), "build": build}
    number = int(digits)
    major, rest = divmod(number, 10_000) if number >= 10_000 else divmod(number, 1000)
    return {"version": f"{major}.{rest // 100}.{rest % 100}", "build": build}


def device_of(told: str) -> Json:
    """Return ``name``, ``compute_capability``, ``sms`` and ``memory_mib`` as far as printed."""
    found = {key: pattern.search(told) for key, pattern in _DEVICE.items()}
    device: Json = {key: match[1] for key, match in found.items() if match}
    for key in ("sms", "memory_mib"):
        if key in device:
            device[key] = int(device[key])
    return device


def errors_of(told: str, last: int = 4) -> List[str]:
    """Return the last lines that trtexec printed as errors."""
    return (_FAILURE.findall(told) + _ERROR.findall(told))[-last:]


def fallbacks_of(told: str) -> List[str]:
    """Return the layers that a build moved from the DLA to the GPU, as ``name (KIND)``."""
    return [f"{name} ({kind})" for name, kind in _FALLBACK.findall(told)]


def summary_of(told: str) -> Optional[Json]:
    """Return the performance summary: ``queries``, ``throughput_qps``, figures in ms by metric.

    ``latency`` is the sum of ``h2d``, ``compute`` and ``d2h``; ``None`` where there is no summary.
    """
    throughput = _THROUGHPUT.search(told)
    if throughput is None:
        return None
    queries = _QUERIES.search(told)
    summary: Json = {
        "throughput_qps": float(throughput[1]),
        "queries": int(queries[1]) if queries else None,
    }
    names = {"GPU Compute Time": "compute", "Enqueue Time": "enqueue"}
    for line in told.splitlines():
        found = _SUMMARY.search("] " + line.split("] ")[-1])
        if found:
            name = names.get(found[1], found[1].split()[0].lower())
            summary[name] = {_short(key): float(ms) for key, ms in _FIGURE.findall(found[2])}
    return summary


def times_of(trace: Sequence[Json], queries: Optional[int] = None) -> Json:
    """Return what ``--exportTimes`` wrote as lists of milliseconds, one entry per run.

    Args:
        trace: The file's content.
        queries: How many runs the summary counts; older versions write warm-up runs first.
    """
    runs = trace[-queries:] if queries else trace
    keys = {"latency": "latencyMs", "compute": "computeMs", "h2d": "h2dMs", "d2h": "d2hMs"}
    return {name: [float(run[key]) for run in runs] for name, key in keys.items()}


def spread_of(times: Sequence[float]) -> Json:
    """Return ``p50``, ``p90``, ``p99``, ``min``, ``max`` and ``mean`` in ms, and ``runs``."""
    ordered = sorted(times)
    return {
        **{f"p{percent}": percentile(ordered, percent) for percent in (50, 90, 99)},
        "min": ordered[0],
        "max": ordered[-1],
        "mean": sum(ordered) / len(ordered),
        "runs": len(ordered),
    }


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return a percentile of ascending values, linear between two of them."""
    place = percent / 100 * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def layers_of(info: Json, profile: Optional[Sequence[Json]] = None) -> Json:
    """Return what an engine's layers compute in, and the copies between formats.

    Args:
        info: What ``--exportLayerInfo`` wrote.
        profile: What ``--exportProfile`` wrote, for the time of each layer.

    Returns:
        ``layers``, each with ``name``, ``type``, ``precision``, ``reformat``, ``dla`` and ``ms``
        (``None`` without a profile); ``by_precision`` and ``ms_by_precision`` of those that are no
        copies; ``reformats`` and ``reformat_ms``; ``dla``, how many run on the accelerator.
    """
    times = profile_of(profile) if profile else {}
    layers = [_layer(layer, times) for layer in info.get("Layers", [])]
    computing = [layer for layer in layers if not layer["reformat"]]
    copies = [layer for layer in layers if layer["reformat"]]
    found = sorted({layer["precision"] for layer in computing})
    return {
        "layers": layers,
        "by_precision": {p: sum(one["precision"] == p for one in computing) for p in found},
        "ms_by_precision": {
            p: _total([one for one in computing if one["precision"] == p]) for p in found
        },
        "reformats": len(copies),
        "reformat_ms": _total(copies),
        "dla": sum(layer["dla"] for layer in layers),
    }


def profile_of(profile: Sequence[Json]) -> Dict[str, float]:
    """Return the mean milliseconds of each layer in what ``--exportProfile`` wrote."""
    return {layer["name"]: float(layer["averageMs"]) for layer in profile if "name" in layer}


def type_of(described: str) -> str:
    """Return the type in an engine inspector's ``Format/Datatype``: int8, fp8, fp16, bf16, fp32."""
    for name, pattern in _TYPES:
        if pattern.search(described):
            return name
    return UNKNOWN


def _layer(layer: Any, times: Dict[str, float]) -> Json:
    # Engines built without detailed verbosity have nothing but names.
    fields: Json = layer if isinstance(layer, dict) else {"Name": str(layer)}
    name, kind = fields.get("Name", ""), fields.get("LayerType", "")
    return {
        "name": name,
        "type": kind,
        "precision": _precision(fields),
        "reformat": kind == "Reformat" or name.startswith("Reformatting CopyNode"),
        "dla": kind == "DLA",
        "ms": times.get(name),
    }


def _precision(layer: Json) -> str:
    """Return the type of the weights; without weights the kernel's, or the widest input's."""
    weights = layer.get("Weights")
    if isinstance(weights, dict) and "Type" in weights:
        return type_of(str(weights["Type"]))
    if _INT8_TACTIC.search(str(layer.get("TacticName", ""))):
        return "int8"
    tensors = layer.get("Inputs") or layer.get("Outputs") or []
    types = {type_of(str(tensor.get("Format/Datatype", ""))) for tensor in tensors}
    known = [width for width in _WIDTHS if width in types]
    return known[-1] if known else UNKNOWN


def _total(layers: Sequence[Json]) -> Optional[float]:
    times = [layer["ms"] for layer in layers if layer["ms"] is not None]
    return sum(times) if times or not layers else None


def _short(figure: str) -> str:
    found = re.search(r"\(([\d.]+)%\)", figure)
    return f"p{float(found[1]):g}" if found else figure
