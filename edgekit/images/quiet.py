"""What native decoders write to standard error, caught."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_one_at_a_time = threading.Lock()
_DECODERS = (
    b"Corrupt JPEG",
    b"Invalid SOS",
    b"Premature end of JPEG",
    b"TIFF",
    b"[ERROR",
    b"[ WARN",
    b"libpng ",
)


@contextmanager
def caught_messages() -> Iterator[list[str]]:
    """Yield a list that holds, after the block, what image decoders said on standard error.

    libjpeg and libpng write there directly, whatever log level OpenCV is told. Lines that other
    threads wrote meanwhile (a progress bar) are passed on.
    """
    messages: list[str] = []
    with _one_at_a_time, tempfile.TemporaryFile() as caught:
        stderr = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield messages
        finally:
            os.dup2(stderr, 2)
            caught.seek(0)
            for line in caught:
                if line.startswith(_DECODERS):
                    messages.append(line.decode(errors="replace").strip())
                elif line.strip() or not messages:  # OpenCV ends some messages with an empty line
                    os.write(stderr, line)
            os.close(stderr)
