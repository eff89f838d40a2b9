"""Bundles and stand-in boards for tests: a folder of programs that is all there is on PATH."""

import subprocess
import sys
from pathlib import Path

from edgekit.backends.tensorrt.bundle import Extra, Inputs, write

STAND_IN = Path(__file__).with_name("stand_in_trtexec.py")
QDQ = {"weak": b"FLOAT QuantizeLinear", "strong": b"FLOAT16 QuantizeLinear"}
PLAIN = {"weak": b"FLOAT plain", "strong": b"FLOAT16 plain"}
RELEASES = ("8.5", "8.6", "10.3", "10.13", "10.16", "11.4")
QUICK = ("--rounds", "1", "--seconds", "1", "--iterations", "20")
INPUTS = Inputs("images", {"one": b"\x01\x02\x03\x04\x05\x06"})


def put_program(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def put_trtexec(folder, release, parses=False):
    """A trtexec of one release; it answers as the stand-in does, and looks into files if asked."""
    start = "STAND_IN_PARSES=1 exec" if parses else "exec"
    flags = "" if parses else "-I -S"
    return put_program(
        folder, "trtexec", f'{start} {sys.executable} {flags} {STAND_IN} {release} "$@"'
    )


def put_bundle(folder, models=None):
    write(folder, models or {"int8": QDQ, "fp16": PLAIN}, Extra({"name": "m"}, {}, INPUTS))
    return folder


def measure(bundle, programs, *arguments, python=sys.executable, **environment):
    """Run measure.py with only ``programs`` on PATH."""
    return subprocess.run(
        [python, "-s", bundle / "measure.py", *arguments],
        env={"PATH": str(programs), "LC_ALL": "C", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
