"""Engines, each with a sidecar that says what it was built of and for.

A plan belongs to one TensorRT and one kind of GPU, and only the sidecar can tell before loading.
Engine and timing cache lie in a folder named after device, compute capability, TensorRT and power
mode, because kernels are chosen by their times, and all four change these.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

from .files import need_space, read_json, remove, sha256_of, write_json
from .problems import Problem
from .program import Program, run
from .readings import fallbacks_of

if TYPE_CHECKING:
    from pathlib import Path

Json = Dict[str, Any]

_PATIENCE_S = 4 * 3600.0
# An engine of the FP32 model and as much again while it is written, and the timing cache.
_SPACE_PER_BYTE = 3
_SPACE = 64 << 20


class Place(NamedTuple):
    """Where engines are built.

    Attributes:
        folder: Of the bundle.
        program: The trtexec.
        system: What the board tells of itself.
        power_mode: ``None`` where the board has none.
        dla_core: ``None`` for the GPU.
        rebuild: Whether engines that are there are built again.
    """

    folder: Path
    program: Program
    system: Json
    power_mode: Optional[str]
    dla_core: Optional[int]
    rebuild: bool

    @property
    def key(self) -> str:
        """Return the name of the folder in the cache."""
        device = self.program.device
        board = self.system["model"] or device["name"]
        mode = self.power_mode or "no-power-mode"
        parts = (board, f"cc{device.get('compute_capability')}", f"trt{self.program.release}", mode)
        return "_".join(re.sub(r"[^A-Za-z0-9.]+", "-", str(part)).strip("-") for part in parts)

    @property
    def cache(self) -> Path:
        """Return the folder in the cache."""
        return self.folder / "cache" / self.key


def engine_of(place: Place, precision: str, onnx: str, template: List[str]) -> Json:
    """Return the sidecar of an engine that fits, built where there was none.

    Raises:
        Problem: There is one that does not fit, trtexec failed, or the disk is full.
    """
    made_of = _made_of(place, precision, onnx, template)
    path = place.cache / f"{_stem(place, precision)}-{made_of['onnx_sha256'][:8]}.engine"
    sidecar = path.with_name(path.name + ".json")
    if path.exists() and not place.rebuild:
        _refuse_foreign(path, sidecar, made_of)
        kept: Json = read_json(sidecar)
        return {**kept, "path": str(path), "reused": True}
    need_space(
        place.folder, _SPACE + _SPACE_PER_BYTE * (place.folder / onnx).stat().st_size, "An engine"
    )
    remove(sidecar)
    built = {"made_of": made_of, **_build(place, path, onnx, template)}
    write_json(sidecar, built)
    return {**built, "path": str(path), "reused": False}


def _made_of(place: Place, precision: str, onnx: str, template: List[str]) -> Json:
    return {
        "precision": precision,
        "onnx_sha256": sha256_of(place.folder / onnx),
        "tensorrt": place.program.release,
        "device": place.program.device,
        "model": place.system["model"],
        "l4t": place.system["l4t"],
        "power_mode": place.power_mode,
        "dla_core": place.dla_core,
        "arguments": template,
    }


def _build(place: Place, path: Path, onnx: str, template: List[str]) -> Json:
    part = path.with_name(path.name + ".part")
    values = {
        "onnx": place.folder / onnx,
        "engine": part,
        "timing_cache": place.cache / "timing.cache",
        "dla_core": place.dla_core,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    log = place.folder / "result" / "raw" / f"{path.stem.split('-')[0]}.build.log"
    try:
        arguments = [word.format(**values) for word in template]
        told = run(place.program, arguments, log, _PATIENCE_S)
        if not part.is_file():
            raise Problem(f"trtexec ended well but wrote no engine. Its log: {log}")
        part.replace(path)
    finally:
        remove(part)
    return {
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "build_s": round(time.monotonic() - start, 3),
        "fell_back": fallbacks_of(told),
    }


def _refuse_foreign(path: Path, sidecar: Path, made_of: Json) -> None:
    """Raise unless ``path`` is the engine its sidecar describes, and that fits this board."""
    kept = read_json(sidecar)
    if not isinstance(kept, dict):
        raise Problem(_refusal(path, "it has no sidecar that says what it was built of"))
    differing = [
        f"{name}: built with {kept['made_of'].get(name)}, here {now}"
        for name, now in made_of.items()
        if kept["made_of"].get(name) != now
    ]
    if differing:
        raise Problem(_refusal(path, "; ".join(differing)))
    if sha256_of(path) != kept["sha256"]:
        raise Problem(_refusal(path, "it was changed since it was built"))


def _refusal(path: Path, reason: str) -> str:
    return f"The engine {path} is not loaded: {reason}. To build it anew: --rebuild."


def _stem(place: Place, precision: str) -> str:
    return precision if place.dla_core is None else f"{precision}.dla{place.dla_core}"
