"""Starts the running script again with every instruction set after AVX2 hidden from its runtimes.

Runtimes ask the processor what it has by the instruction CPUID. Here they are copied with every
CPUID made an instruction that does not exist, and ``only_avx2.c`` answers in its place. Works on
any Linux x86-64, in virtual machines too; needs ``cc`` and ``objdump`` (binutils).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
TOOLS = ("cc", "objdump")
PACKAGES = ("onnxruntime", "openvino")
CPUID, MISSING = b"\x0f\xa2", b"\xce\xa2"
BEFORE, LONGEST = 256, 15  # bytes; no instruction is longer
_HEADER = struct.Struct("<4xB27xQ14xHH")  # of an ELF file: its table of segments
_SEGMENT = struct.Struct("<IIQQ8xQ")  # type, flags, place in the file, address, size
_LOADED, _EXECUTABLE = 1, 1


def device_with(kernels: str, cache: Path) -> str:
    """Return the name of the profile of a machine with ``kernels``; this process then has no other.

    Args:
        kernels: ``native`` or ``avx2``, for which this process may start again.
        cache: Where the changed copies are kept for the next time.
    """
    if kernels == "native":
        return "host"
    restart_under_it(cache)
    return "generic-x86-avx2"


def restart_under_it(cache: Path) -> None:
    """Replace this process by the same command with them hidden; returns once it is so.

    Args:
        cache: Where the changed copies are kept for the next time.
    """
    if os.environ.get("EDGEKIT_ONLY_AVX2"):
        return
    environment = {**os.environ, **variables(cache), "EDGEKIT_ONLY_AVX2": "1"}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def variables(cache: Path, packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return the environment under which Python imports ``packages`` so; those not here are not.

    Args:
        cache: Where the changed copies are kept.
        packages: Names of Python packages.

    Raises:
        CalledProcessError: A library could not be built or read.
    """
    found = [Path(s.origin).parent for n in packages if (s := find_spec(n)) and s.origin]
    made = cache / "only-avx2" / _key(found)
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as folder:
            _build(found, Path(folder) / "made")
            (Path(folder) / "made").replace(made)
    path = os.pathsep.join([str(made), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"LD_PRELOAD": str(made / "only_avx2.so"), "PYTHONPATH": path}


def _key(packages: list[Path]) -> str:
    """Return what changes with the packages and with how they are copied."""
    files = [f for p in packages for f in sorted(p.rglob("*")) if f.is_file()]
    states = [f"{f} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in files if _is_kept(f)]
    sources = SOURCE.read_bytes() + Path(__file__).read_bytes()
    return hashlib.sha256("\n".join(states).encode() + sources).hexdigest()[:16]


def _is_kept(file: Path) -> bool:
    return "__pycache__" not in file.parts


def _build(packages: list[Path], out: Path) -> None:
    out.mkdir()
    library = out / "only_avx2.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    for package in packages:
        for file in filter(_is_kept, package.rglob("*")):
            copy = out / package.name / file.relative_to(package)
            if file.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                _copy(file, copy)


def _copy(file: Path, copy: Path) -> None:
    """Make ``copy`` a link to ``file``, or a file of its own where that is a library with CPUID."""
    places = cpuid_places(file) if ".so" in file.suffixes else []
    if not places:
        copy.symlink_to(file)
        return
    shutil.copy(file, copy)
    with copy.open("r+b") as stream:
        for place in places:
            stream.seek(place)
            stream.write(MISSING)


def cpuid_places(library: Path) -> list[int]:
    """Return where CPUID is among the instructions of ``library``, in bytes from its start.

    The same two bytes inside another instruction, an address say, are not.

    Raises:
        CalledProcessError: ``objdump`` cannot read it.
    """
    data = library.read_bytes()
    found = [m.start() for m in re.finditer(re.escape(CPUID), data)]
    return [place for place in found if _is_instruction(library, _address(data, place))]


def _address(data: bytes, place: int) -> int | None:
    """Return where the byte at ``place`` of the ELF file ``data`` is loaded, if as a program."""
    _, table, size, count = _HEADER.unpack_from(data)
    for number in range(count):
        kind, flags, offset, start, length = _SEGMENT.unpack_from(data, table + number * size)
        if kind == _LOADED and flags & _EXECUTABLE and offset <= place < offset + length:
            return int(start + place - offset)
    return None


def _is_instruction(library: Path, address: int | None) -> bool:
    """Return whether reading instructions from ``BEFORE`` bytes earlier meets CPUID there.

    Wherever in an instruction that is, after some tens of bytes the reading is in step.
    """
    if address is None:
        return False
    part = (f"--start-address={address - BEFORE}", f"--stop-address={address + LONGEST}")
    command = ["objdump", "-d", "--no-show-raw-insn", *part, str(library)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.search(rf"^ *{address:x}:\tcpuid", listing, re.MULTILINE) is not None
