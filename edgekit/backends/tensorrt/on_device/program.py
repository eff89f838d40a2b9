"""trtexec: found, asked who it is, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Sequence

from .problems import Missing, Problem
from .readings import device_of, errors_of, version_of

if TYPE_CHECKING:
    from pathlib import Path

PLACES = ("/usr/src/tensorrt/bin/trtexec", "/opt/tensorrt/bin/trtexec")
_NOWHERE = "there-is-no-such.engine"
_PATIENCE_S = 60.0
_FULL = "No space left on device"


class Program(NamedTuple):
    """A trtexec that runs here.

    Attributes:
        path: Of the program.
        version: Of TensorRT, ``10.3.0``.
        build: Of TensorRT; ``None`` before 10.
        device: What it says of the GPU.
    """

    path: str
    version: str
    build: Optional[str]
    device: Dict[str, object]

    @property
    def release(self) -> str:
        """Return version and build: an engine belongs to exactly one."""
        return f"{self.version}.b{self.build}" if self.build else self.version


def find(given: Optional[str]) -> str:
    """Return the path of trtexec: ``given``, on PATH, or where JetPack puts it.

    Raises:
        Missing: It is in none of these places.
    """
    if given is not None:
        if os.access(given, os.X_OK):
            return given
        raise Missing(f"--trtexec {given}: there is no program. Leave it out to search for one.")
    places = [shutil.which("trtexec") or "", *PLACES]
    for place in places:
        if place and os.access(place, os.X_OK):
            return place
    raise Missing(
        f"trtexec was not found on PATH nor at {' or '.join(PLACES)}. On a Jetson it comes with: "
        "sudo apt install tensorrt. If it is elsewhere: --trtexec PATH."
    )


def ask(path: str) -> Program:
    """Return which trtexec ``path`` is and what GPU it sees.

    It is told to load an engine that does not exist, because it names the GPU before it looks.

    Raises:
        Missing: It is no trtexec, or it sees no GPU.
    """
    told = _told_by(path)
    version, device = version_of(told), device_of(told)
    if version is None:
        raise Missing(f"{path} does not introduce itself as trtexec. It said: {_last(told)}")
    if "name" not in device:
        raise Missing(f"{path} sees no GPU. It said: {'; '.join(errors_of(told)) or _last(told)}")
    return Program(path, version["version"], version["build"], device)


def run(program: Program, arguments: Sequence[str], log: Path, patience_s: float) -> str:
    """Run trtexec, keep what it prints in ``log``, and return that.

    Raises:
        Problem: It failed, was killed, or did not end in time.
    """
    command = [program.path, *arguments]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        try:
            code = process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise Problem(f"trtexec did not end within {patience_s:g} s. Its log: {log}") from None
        finally:
            # Also when this script itself is told to stop: nothing goes on behind its back.
            process.kill()
            process.wait()
    told = log.read_text(encoding="utf-8", errors="replace")
    if code or "&&&& PASSED" not in told:
        raise Problem(_failure(command, code, told, log))
    return told


def _told_by(path: str) -> str:
    command = [path, f"--loadEngine={_NOWHERE}"]
    try:
        ended = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise Missing(f"{path} does not run here: {err}") from err
    return ended.stdout.decode("utf-8", errors="replace")


def _failure(command: List[str], code: int, told: str, log: Path) -> str:
    said = "; ".join(errors_of(told)) or _last(told)
    ended = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    hint = " Free some space first: what is finished is kept." if _FULL in told else ""
    if code == -9:
        hint = " Signal 9 is what a full memory ends with: close other programs or add swap."
    return f"trtexec {ended}: {said}.{hint} Its log: {log}. It was: {' '.join(command)}"


def _last(told: str) -> str:
    return told.strip()[-300:] or "nothing"
